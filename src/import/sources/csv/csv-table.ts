import { type Columns, columnsOf } from '../columns.js';
import type { BatchCollector } from '../batch-collector.js';
import { reportOfRow } from '../row.js';
import { undecodable } from '../source-errors.js';

const LINE_END = [0x0a, 0x0d];

/** Receives the rows of a table as they are parsed; the first row has the column names. */
export class CsvTable {
  /** Line after the last row, where the next row starts unless there are blank lines. */
  nextLine = 1;
  private columns: Columns | undefined;
  /** Fields in a row. */
  private width = 0;
  /** Index of the last column that a row must have; missing telemetry does not cost the position. */
  private lastRequired = 0;
  /** Index of the last column that is read. */
  private lastRead = 0;
  /** Lines that the parser has counted in excess. */
  private miscounted = 0;
  /** Length of the shortest last field so far. */
  private shortest = Infinity;
  private lastByte = 0;
  private atEnd = false;

  constructor(
    private readonly collector: BatchCollector,
    private readonly separator: string,
  ) {}

  /** Must be called with the bytes before they are parsed. */
  saw(bytes: Buffer): void {
    this.lastByte = bytes.at(-1) ?? this.lastByte;
  }

  /** Must be called when the parser has all bytes: any row after this is one of the last. */
  ended(): void {
    this.atEnd = true;
  }

  /** @param lines the line on which the row ends, as the parser counts them. */
  add(row: readonly string[], lines: number): void {
    const line = this.beginOf(row, lines);
    if (!this.columns) {
      this.begin(row);
    } else if (row.length > 1 || row[0]?.trim() !== '') {
      const { columns } = this;
      this.collector.add(
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
    this.lastRequired = highestIndex(this.columns);
    this.lastRead = Math.max(this.lastRequired, highestIndex(this.columns.telemetry));
  }

  /** Line on which the row starts. The parser counts the line on which it ends, and counts a CRLF within quotes twice. */
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
      throw undecodable(`${this.counts(row)}; is a field that contains the separator not quoted?`);
    }
    if (row.length <= this.lastRequired) {
      throw undecodable(this.counts(row));
    }
    if (!this.atEnd) {
      this.shortest = Math.min(this.shortest, row.at(-1)?.length ?? 0);
    }
  }

  /**
   * Whether the last row, which has no line end, seems to be cut. Many tables end without one, and a position without its
   * last digits still looks valid. Signs of a cut are a missing field, or a last field shorter than in all rows before.
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
    return `the row has ${row.length} fields, the header has ${this.width}`;
  }
}

function highestIndex(columns: object): number {
  return Math.max(...Object.values(columns).map(indexOf));
}

function indexOf(column: unknown): number {
  return (column as { index?: number } | undefined)?.index ?? 0;
}
