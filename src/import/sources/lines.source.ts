import type { RejectedItem, ReportSource, SourceBatch, SourceReport } from '../report-source.js';
import { textOf } from './bytes.js';
import { LineSplitter, TOO_LONG, type Line } from './line-splitter.js';
import { oneLine, rejectedBy, undecodable } from './source-errors.js';

/** 1 Mi characters: thousands of times a report, and what one line may cost in memory. */
export const MAX_LINE = 1_048_576;

/**
 * A format of which each line stands for itself: NDJSON, files of the OwnTracks Recorder.
 *
 * A wrong line is rejected and reading goes on; blank lines are skipped. Such a format has no end mark: a file that was
 * cut shows as a last line that is rejected, unless it was cut exactly between two lines.
 */
export class LinesSource implements ReportSource {
  private line = 0;

  /** @param decode of one line; throws a RejectedItemError when it is no report. */
  constructor(
    readonly format: string,
    private readonly bytes: AsyncIterable<Buffer>,
    private readonly decode: (line: string, position: number) => SourceReport,
  ) {}

  /** As in the port; never throws but what the input fails with. */
  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    const splitter = new LineSplitter(MAX_LINE);
    for await (const text of textOf(this.bytes)) {
      yield* this.decodeAll(splitter.push(text));
    }
    const last = splitter.end();
    if (last !== undefined) {
      yield* this.decodeAll([last]);
    }
  }

  private *decodeAll(lines: readonly Line[]): Generator<SourceBatch, void, undefined> {
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
          reports.push(this.decode(line, position));
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
    // Also the RangeError of a line of brackets only, which is deeper than the stack.
    throw undecodable(
      `the line is not JSON: ${oneLine(error instanceof Error ? error.message : String(error))}`,
    );
  }
}

function isBlank(line: string): boolean {
  return !line.startsWith('{') && line.trim() === '';
}
