import { Parser } from 'csv-parse';
import type { ReportSource, SourceBatch } from '../../report-source.js';
import { BatchCollector } from '../batch-collector.js';
import { brokenSource, oneLine } from '../source-errors.js';
import type { CsvLayout } from './csv-layout.js';
import { CsvTable } from './csv-table.js';

/** Maximum size of a row in bytes. With an unclosed quote, the rest of the file would be one row. */
export const MAX_ROW = 65_536;
const TOO_LONG = 'CSV_MAX_RECORD_SIZE';

type Failure = Error & { readonly code?: string };

/**
 * CSV with a header: each row is one report.
 *
 * csv-parse is driven by hand, because in a pipeline the rows before an error would be lost: here the rows are
 * collected as they are parsed, and the stream's own output stays empty.
 */
export class CsvSource implements ReportSource {
  readonly format = 'csv';
  /** Number of rows and blank lines so far. */
  private rows = 0;
  private bytesSinceRow = 0;

  /** @param name of the source, for messages. */
  constructor(
    private readonly name: string,
    private readonly bytes: AsyncIterable<Buffer>,
    private readonly layout: CsvLayout,
  ) {}

  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    const collector = new BatchCollector();
    const table = new CsvTable(collector, this.layout.separator);
    const parser = new RowParser(this.layout, table);
    try {
      for await (const chunk of this.bytes) {
        table.willParse(chunk);
        const failure = await failureOf((callback) => parser.write(chunk, callback));
        yield* collector.batches();
        this.check(failure ?? this.overlong(parser, chunk), table);
      }
      table.inputEnded();
      const failure = await failureOf((callback) => parser.end(callback));
      yield* collector.batches();
      this.check(failure, table);
    } finally {
      parser.destroy();
    }
  }

  /** max_record_size does not count separators, so a row of separators only would use up the memory. */
  private overlong({ info }: Parser, { length }: Buffer): Failure | undefined {
    const rows = info.records + info.empty_lines;
    this.bytesSinceRow = rows === this.rows ? this.bytesSinceRow + length : 0;
    this.rows = rows;
    return this.bytesSinceRow > MAX_ROW ? Object.assign(new Error(), { code: TOO_LONG }) : undefined;
  }

  private check(failure: Failure | undefined, { nextLine }: CsvTable): void {
    if (failure) {
      throw brokenSource(this.name, `line ${nextLine}: ${describe(failure)}`, { line: nextLine }, failure);
    }
  }
}

/** Passes rows to the table as soon as they are parsed; on_record would do so too, but takes a fifth of the time. */
class RowParser extends Parser {
  constructor(
    { separator, headerLine }: CsvLayout,
    private readonly table: CsvTable,
  ) {
    super({
      bom: true,
      delimiter: separator,
      record_delimiter: ['\r\n', '\n', '\r'],
      from_line: headerLine,
      ltrim: true,
      max_record_size: MAX_ROW,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
    this.on('error', () => undefined); // the callback of write() gets it
  }

  override push(row: string[] | null): boolean {
    if (row === null) {
      return super.push(null);
    }
    this.table.add(row, this.info.lines);
    return true;
  }
}

function failureOf(
  begin: (callback: (error?: Error | null) => void) => unknown,
): Promise<Failure | undefined> {
  return new Promise((resolve) => begin((error) => resolve(error ?? undefined)));
}

function describe({ code, message }: Failure): string {
  if (code === TOO_LONG) {
    return `the row that begins here is longer than ${MAX_ROW} bytes: is a " not closed?`;
  }
  if (code === 'CSV_QUOTE_NOT_CLOSED') {
    return 'the row that begins here has an opening " without a closing one: the file is truncated, or a " is missing';
  }
  return `not CSV: ${oneLine(message)}`;
}
