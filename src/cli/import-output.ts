import { SingleBar } from 'cli-progress';
import type { ImportSummary, LedgerCounts } from '../import/import-summary.js';
import { failureOf } from '../process.js';

/** Shows how far an import has come. */
export interface Progress {
  update(counts: LedgerCounts, part: number | undefined): void;
  end(): void;
}

/** A bar on a terminal; elsewhere, as in a log, a line per batch. */
export function showProgress(file: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? new Bar(file, stream) : lines(file, stream);
}

function lines(file: string, stream: NodeJS.WriteStream): Progress {
  return {
    update: ({ read }) => stream.write(`${file}: ${read} reports read\n`),
    end: () => undefined,
  };
}

class Bar implements Progress {
  private readonly bar: SingleBar;
  private readonly began = Date.now();

  constructor(file: string, stream: NodeJS.WriteStream) {
    this.bar = new SingleBar({
      format: (_options, { progress }, { read, rejected }: Counts) =>
        barLine(
          { file, part: progress, read, rejected, seconds: (Date.now() - this.began) / 1000 },
          Math.min(stream.columns, 80),
        ),
      stream,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: true,
    });
    this.bar.start(1, 0, { read: 0, rejected: 0 });
  }

  update({ read, rejected }: LedgerCounts, part: number | undefined): void {
    this.bar.update(part ?? 0, { read, rejected });
  }

  end(): void {
    this.bar.stop();
  }
}

type Counts = Pick<LedgerCounts, 'read' | 'rejected'>;

/** How far an import has come. */
export interface ImportState extends Counts {
  file: string;
  /** 0 to 1; 0 if unknown, as for standard input. */
  part: number;
  seconds: number;
}

const MOST_BAR = 24;
const LEAST_BAR = 6;

/** One line: file, bar, percent, reports, rate, time left. The name and the bar give way to a narrow terminal. */
export function barLine({ file, part, read, rejected, seconds }: ImportState, columns: number): string {
  const rate = seconds > 0 ? Math.round(read / seconds) : 0;
  const figures = [
    `${Math.floor(part * 100)}%`.padStart(4),
    `${read.toLocaleString('en')} read`,
    ...(rejected > 0 ? [`${rejected.toLocaleString('en')} rejected`] : []),
    `${rate.toLocaleString('en')}/s`,
    ...(part > 0 && seconds >= 1 ? [`${clockTime((seconds * (1 - part)) / part)} left`] : []),
  ].join('  ');
  const free = columns - figures.length - 3; // two spaces, and the last column stays empty: some terminals wrap there
  const width = Math.max(LEAST_BAR, Math.min(MOST_BAR, free - file.length));
  const done = Math.round(part * width);
  const name = shortened(file, free - width);
  return `${name} ${'█'.repeat(done)}${'░'.repeat(width - done)} ${figures}`.slice(
    0,
    Math.max(columns - 1, 1),
  );
}

/** The end of a path says more than its beginning. */
function shortened(file: string, length: number): string {
  return file.length <= length ? file : `…${file.slice(file.length - Math.max(length - 1, 0))}`;
}

/** Hours, minutes and seconds, as a clock shows them. */
function clockTime(seconds: number): string {
  const total = Math.round(seconds);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A ledger for a person; it counts every report exactly once. @param unit what positions count. */
export function describeSummary(name: string, summary: ImportSummary, unit = 'line'): string {
  const { runId, read, stored, late, duplicate, rejected, rejections, resumedAt } = summary;
  const reasons = rejections.map(({ reason, reports, firstPosition, message, kept }) => {
    const place = `first at ${unit} ${firstPosition}${message === undefined ? '' : `: ${message}`}`;
    return `  rejected as ${reason}: ${reports} (${place})${kept < reports ? `; ${kept} of them kept` : ''}\n`;
  });
  return (
    `${name}: ${read} read = ${stored} stored + ${late} late + ${duplicate} duplicate + ${rejected} rejected` +
    `${runId === null ? ' (dry run: nothing is stored)' : ''}\n` +
    (resumedAt > 0
      ? `  continued after the first ${resumedAt}, where run ${runId ?? ''} was interrupted\n`
      : '') +
    reasons.join('')
  );
}

/** The same for a program. @param failure what ended the import early, if anything. */
export function jsonOf(name: string, summary: ImportSummary | undefined, failure: unknown): object {
  return { file: name, ...summary, ...(failure !== undefined && { error: failureOf(failure) }) };
}
