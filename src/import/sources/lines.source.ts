import type { RejectedItem, ReportSource, SourceBatch, SourceReport } from '../report-source.js';
import { textOf } from './bytes.js';
import { LineSplitter, TOO_LONG, type Line } from './line-splitter.js';
import { oneLine, rejectedBy, undecodable } from './source-errors.js';

/** Maximum length of a line in characters, thousands of times that of a report; bounds the memory for one line. */
export const MAX_LINE = 1_048_576;

/**
 * A format with one item per line: NDJSON, files of the OwnTracks Recorder.
 *
 * An invalid line is rejected, and reading continues; blank lines are skipped. Such a format has no end mark: in a
 * truncated file the last line is rejected, unless the file ends exactly between two lines.
 */
export class LinesSource implements ReportSource {
  private line = 0;

  /** @param parse parses one line; throws a RejectedItemError when it is not a report. */
  constructor(
    readonly format: string,
    private readonly bytes: AsyncIterable<Buffer>,
    private readonly parse: (line: string, position: number) => SourceReport,
  ) {}

  /** As in {@link ReportSource}; throws only errors of the input. */
  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    const splitter = new LineSplitter(MAX_LINE);
    for await (const text of textOf(this.bytes)) {
      yield* this.parseAll(splitter.push(text));
    }
    const last = splitter.end();
    if (last !== undefined) {
      yield* this.parseAll([last]);
    }
  }

  private *parseAll(lines: readonly Line[]): Generator<SourceBatch, void, undefined> {
    const reports: SourceReport[] = [];
    const rejected: RejectedItem[] = [];
    for (const line of lines) {
      const position = ++this.line;
      if (line === TOO_LONG) {
        rejected.push({
          position,
          reason: 'undecodable',
          message: `the line is longer than ${MAX_LINE} characters`,
        });
      } else if (!isBlank(line)) {
        try {
          reports.push(this.parse(line, position));
        } catch (error) {
          rejected.push(rejectedBy(error, position, line));
        }
      }
    }
    if (reports.length + rejected.length > 0) {
      yield { reports, rejected };
    }
  }
}

/** @throws RejectedItemError */
export function jsonFromLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    // Includes the RangeError for brackets that are nested deeper than the stack.
    throw undecodable(
      `the line is not JSON: ${oneLine(error instanceof Error ? error.message : String(error))}`,
    );
  }
}

function isBlank(line: string): boolean {
  return !line.startsWith('{') && line.trim() === '';
}
