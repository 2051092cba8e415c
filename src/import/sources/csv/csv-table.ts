import { type Columns, columnsOf } from '../columns.js';
import type { Gathering } from '../gathering.js';
import { reportOfRow } from '../row.js';
import { undecodable } from '../source-errors.js';

const LINE_END = [0x0a, 0x0d];

/** The rows of a table as they are parsed: the first one has the names of the columns. */
export class CsvTable {
  /** Line after the last row, where the next one begins if there are no blank lines. */
  nextLine = 1;
  private columns: Columns | undefined;
  /** How many fields a row has. */
  private width = 0;
  /** Highest number of a column that a row must have: telemetry that is missing does not cost the position. */
  private lastTaken = 0;
  /** Highest number of a column that is read. */
  private lastRead = 0;
  /** Lines that the parser has counted too many. */
  private miscounted = 0;
  /** Length of the shortest last field so far. */
  private shortest = Infinity;
  private lastByte = 0;
  private atEnd = false;

  constructor(
    private readonly gathered: Gathering,
    private readonly separator: string,
  ) {}

  /** Notes what is about to be parsed. */
  saw(bytes: Buffer): void {
    this.lastByte = bytes.at(-1) ?? this.lastByte;
  }

  /** Notes that the parser has everything: rows that still come are the last ones. */
  ended(): void {
    this.atEnd = true;
  }

  /** @param lines as the parser counts them: the line on which the row ends. */
  add(row: readonly string[], lines: number): void {
    const line = this.beginOf(row, lines);
    if (!this.columns) {
      this.begin(row);
    } else if (row.length > 1 || row[0]?.trim() !== '') {
      const { columns } = this;
      this.gathered.take(
        line,
        () => {
          this.check(row);
          return reportOfRow(columns, row);
        },
        () => ({ given: row.slice(0, this.width + 1).join(this.separator) }),
      );
    }
  }

  private begin(names: readonly string[]): void {
    this.columns = columnsOf(names);
    this.width = names.length;
    this.lastTaken = highestIndex(this.columns);
    this.lastRead = Math.max(this.lastTaken, highestIndex(this.columns.telemetry));
  }

  /** The parser counts the line on which a row ends, and a CRLF within quotes twice. */
  private beginOf(row: readonly string[], lines: number): number {
    let within = 0;
    if (lines - this.miscounted > this.nextLine) {
      for (const field of row) {
        const breaks = field.split(/\r\n|\n|\r/).length - 1;
        within += breaks;
        this.miscounted += field.split('\r\n').length - 1;
      }
    }
    const end = lines - this.miscounted;
    this.nextLine = end + 1;
    return end - within;
  }

  private check(row: readonly string[]): void {
    if (this.atEnd && !LINE_END.includes(this.lastByte) && this.wasCut(row)) {
      throw undecodable('the file ends within this row: it was cut, or a line end is missing');
    }
    if (row.length > this.width && row.slice(this.width).some((field) => field.trim() !== '')) {
      throw undecodable(`${this.counts(row)}; is a field with a separator in it not quoted?`);
    }
    if (row.length <= this.lastTaken) {
      throw undecodable(this.counts(row));
    }
    if (!this.atEnd) {
      this.shortest = Math.min(this.shortest, row.at(-1)?.length ?? 0);
    }
  }

  /**
   * Whether the last row, which has no line end, seems to be cut. Many tables end without one, and a position that has
   * lost its last digits is still a position. A sign of it is a field too few, or a last one shorter than all before.
   */
  private wasCut(row: readonly string[]): boolean {
    return (
      row.length < this.width ||
      (this.lastRead === this.width - 1 &&
        (row.at(-1)?.length ?? 0) < this.shortest &&
        this.shortest < Infinity)
    );
  }

  private counts(row: readonly string[]): string {
    return `the row has ${row.length} fields, the line of names has ${this.width}`;
  }
}

function highestIndex(columns: object): number {
  return Math.max(...Object.values(columns).map(indexOf));
}

function indexOf(column: unknown): number {
  return (column as { index?: number } | undefined)?.index ?? 0;
}
