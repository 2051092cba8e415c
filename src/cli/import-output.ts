import { SingleBar } from 'cli-progress';
import type { ImportSummary, LedgerCounts } from '../import/import-summary.js';
import { failureOf } from '../process.js';
import { count } from './answer.js';

/** Shows the progress of an import. */
export interface Progress {
  update(counts: LedgerCounts, part: number | undefined): void;
  end(): void;
}

/** Shows a bar on a terminal, and one line per batch elsewhere, such as in a log. */
export function showProgress(file: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? new Bar(file, stream) : lines(file, stream);
}

function lines(file: string, stream: NodeJS.WriteStream): Progress {
  return {
    update: ({ read }) => stream.write(`${file}: ${count(read, 'report')} read\n`),
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

/** The progress of an import. */
export interface ImportState extends Counts {
  file: string;
  /** 0 to 1; 0 if unknown, as for standard input. */
  part: number;
  seconds: number;
}

const MAX_BAR_WIDTH = 24;
const MIN_BAR_WIDTH = 6;

/** One line: file, bar, percent, reports, rate, time left. A narrow terminal shortens the name and the bar. */
export function barLine({ file, part, read, rejected, seconds }: ImportState, columns: number): string {
  const rate = seconds > 0 ? Math.round(read / seconds) : 0;
  const allFigures = [
    `${Math.floor(part * 100)}%`.padStart(4),
    `${read.toLocaleString('en')} read`,
    ...(rejected > 0 ? [`${rejected.toLocaleString('en')} rejected`] : []),
    `${rate.toLocaleString('en')}/s`,
    ...(part > 0 && seconds >= 1 ? [`${clockTime((seconds * (1 - part)) / part)} left`] : []),
  ];
  const figures = fitting(allFigures, columns - MIN_BAR_WIDTH - 3).join('  ');
  const free = columns - figures.length - 3; // two spaces, and the last column stays empty: some terminals wrap there
  const width = Math.max(MIN_BAR_WIDTH, Math.min(MAX_BAR_WIDTH, free - file.length));
  const done = Math.round(part * width);
  const name = shortened(file, free - width);
  return `${name} ${'█'.repeat(done)}${'░'.repeat(width - done)} ${figures}`.slice(
    0,
    Math.max(columns - 1, 1),
  );
}

/** Drops the last figures, which do not fit into so many characters: a number that is cut would be another number. */
function fitting(figures: readonly string[], length: number): readonly string[] {
  return figures.length > 1 && figures.join('  ').length > length
    ? fitting(figures.slice(0, -1), length)
    : figures;
}

/** Keeps the end of a path, because its beginning is often the same. */
function shortened(file: string, length: number): string {
  return file.length <= length ? file : `…${file.slice(file.length - Math.max(length - 1, 0))}`;
}

/** Formats a duration as `h:mm:ss` or `m:ss`. */
function clockTime(seconds: number): string {
  const total = Math.round(seconds);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Describes a ledger in text. @param unit the noun for a position in the source. */
export function describeSummary(name: string, summary: ImportSummary, unit = 'line'): string {
  const { runId, read, stored, late, duplicate, rejected, rejections, resumedAt } = summary;
  const reasons = rejections.map(({ reason, reports, firstPosition, message, kept }) => {
    const first = `first at ${unit} ${firstPosition}${message === undefined ? '' : `: ${message}`}`;
    return `  rejected as ${reason}: ${reports} (${first})${kept < reports ? `; ${kept} of them kept` : ''}\n`;
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

/** The ledger as a JSON object. @param failure the error that ended the import early, if any. */
export function jsonOf(name: string, summary: ImportSummary | undefined, failure: unknown): object {
  return { file: name, ...summary, ...(failure !== undefined && { error: failureOf(failure) }) };
}
