import { type Columns, reportColumnsOf } from '../columns.js';
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
  /** Index of the last column that a row must have; a row may lack the telemetry after it. */
  private lastRequired = 0;
  /** Index of the last column that is read. */
  private lastRead = 0;
  /** Number of lines that the parser has counted too many. */
  private excessLines = 0;
  /** Length of the shortest last field of all rows so far. */
  private shortestLastField = Infinity;
  private lastByte = 0;
  private atEnd = false;

  constructor(
    private readonly collector: BatchCollector,
    private readonly separator: string,
  ) {}

  /** Must be called with each chunk before it is parsed. */
  willParse(bytes: Buffer): void {
    this.lastByte = bytes.at(-1) ?? this.lastByte;
  }

  /** Must be called when the parser has all bytes; rows added after this are the last ones. */
  inputEnded(): void {
    this.atEnd = true;
  }

  /** @param endLine line on which the row ends, in the parser's count. */
  add(row: readonly string[], endLine: number): void {
    const line = this.startLineOf(row, endLine);
    if (!this.columns) {
      this.setHeader(row);
    } else if (row.length > 1 || row[0]?.trim() !== '') {
      const { columns } = this;
      this.collector.add(
        line,
        () => {
          this.check(row);
          return reportOfRow(columns, row);
        },
        () => ({ rawText: row.slice(0, this.width + 1).join(this.separator) }),
      );
    }
  }

  private setHeader(names: readonly string[]): void {
    this.columns = reportColumnsOf(names);
    this.width = names.length;
    this.lastRequired = highestIndex(this.columns);
    this.lastRead = Math.max(this.lastRequired, highestIndex(this.columns.telemetry));
  }

  /** Line on which the row starts. The parser counts the line on which it ends, and a CRLF within quotes twice. */
  private startLineOf(row: readonly string[], endLine: number): number {
    let lineBreaks = 0;
    if (endLine - this.excessLines > this.nextLine) {
      for (const field of row) {
        lineBreaks += field.split(/\r\n|\n|\r/).length - 1;
        this.excessLines += field.split('\r\n').length - 1;
      }
    }
    const end = endLine - this.excessLines;
    this.nextLine = end + 1;
    return end - lineBreaks;
  }

  private check(row: readonly string[]): void {
    if (this.atEnd && !LINE_END.includes(this.lastByte) && this.seemsTruncated(row)) {
      throw undecodable('the file ends within this row: the file is truncated, or a line end is missing');
    }
    if (row.length > this.width && row.slice(this.width).some((field) => field.trim() !== '')) {
      throw undecodable(`${this.fieldCounts(row)}; is a field that contains the separator not quoted?`);
    }
    if (row.length <= this.lastRequired) {
      throw undecodable(this.fieldCounts(row));
    }
    if (!this.atEnd) {
      this.shortestLastField = Math.min(this.shortestLastField, row.at(-1)?.length ?? 0);
    }
  }

  /**
   * Whether the last row, which has no line end, seems truncated. Many complete tables end like this, and a position
   * without its last digits still looks valid. Signs of truncation: a missing field, or a last field shorter than in
   * all rows before.
   */
  private seemsTruncated(row: readonly string[]): boolean {
    return (
      row.length < this.width ||
      (this.lastRead === this.width - 1 &&
        (row.at(-1)?.length ?? 0) < this.shortestLastField &&
        this.shortestLastField < Infinity)
    );
  }

  private fieldCounts(row: readonly string[]): string {
    return `the row has ${row.length} fields, the header has ${this.width}`;
  }
}

function highestIndex(columns: object): number {
  return Math.max(...Object.values(columns).map(indexOf));
}

function indexOf(column: unknown): number {
  return (column as { index?: number } | undefined)?.index ?? 0;
}
