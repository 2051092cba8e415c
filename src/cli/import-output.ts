import { Presets, SingleBar } from 'cli-progress';
import type { DomainError } from '../common/errors/domain-error.js';
import type { ImportSummary, LedgerCounts } from '../import/import-summary.js';

/** Tells how far an import has come. */
export interface Progress {
  update(counts: LedgerCounts, part: number | undefined): void;
  end(): void;
}

/** A bar on a terminal; elsewhere, in a log, a line a batch. */
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

  constructor(file: string, stream: NodeJS.WriteStream) {
    this.bar = new SingleBar(
      {
        format: `${file} {bar} {percentage}% | {read} read, {late} late, {duplicate} duplicate, {rejected} rejected`,
        stream,
        clearOnComplete: true,
        hideCursor: true,
        gracefulExit: true,
      },
      Presets.shades_classic,
    );
    this.bar.start(1, 0, { read: 0, late: 0, duplicate: 0, rejected: 0 });
  }

  update({ read, late, duplicate, rejected }: LedgerCounts, part: number | undefined): void {
    this.bar.update(part ?? 0, { read, late, duplicate, rejected });
  }

  end(): void {
    this.bar.stop();
  }
}

/** A ledger for a person, in which every report stands exactly once. @param unit what positions count. */
export function describeSummary(name: string, summary: ImportSummary, unit = 'line'): string {
  const { runId, read, stored, late, duplicate, rejected, rejections, resumedAt } = summary;
  const lines = rejections.map(({ reason, reports, firstPosition, message, kept }) => {
    const place = `first at ${unit} ${firstPosition}${message === undefined ? '' : `: ${message}`}`;
    return `  rejected as ${reason}: ${reports} (${place})${kept < reports ? `; ${kept} of them kept` : ''}\n`;
  });
  return (
    `${name}: ${read} read = ${stored} stored + ${late} late + ${duplicate} duplicate + ${rejected} rejected` +
    `${runId === null ? ' (dry run: nothing is stored)' : ''}\n` +
    (resumedAt > 0
      ? `  goes on after ${resumedAt} of them, where run ${runId ?? ''} was interrupted\n`
      : '') +
    lines.join('')
  );
}

/** The same for a program: one line of JSON. */
export function jsonOf(
  name: string,
  summary: ImportSummary | undefined,
  failure: DomainError | undefined,
): string {
  const error = failure && { code: failure.code, message: failure.message, ...failure.details };
  return `${JSON.stringify({ file: name, ...summary, ...(error && { error }) })}\n`;
}
