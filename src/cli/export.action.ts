import type { WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { DomainError } from '../common/errors/domain-error.js';
import { DateTimeScalar } from '../common/graphql/date-time.scalar.js';
import { EXPORT_FORMATS } from '../export/export-formats.js';
import { ExportModule } from '../export/export.module.js';
import type { ExportQuery } from '../export/export.query.js';
import { ExportService } from '../export/export.service.js';
import { keepHeapSmall } from '../process.js';
import { answer, type AnswerFlags } from './answer.js';
import { trackerIdOf } from './tracker-by-name.js';
import { UsageError } from './usage-error.js';
import { withContext } from './with-context.js';

export interface ExportFlags extends AnswerFlags {
  tracker: string;
  from?: string;
  to?: string;
  format: string;
  detail: ExportQuery['detail'];
  output?: string;
}

/** How far the default of --to is in the future: reports may be ahead of this machine's clock. */
const DEFAULT_END_AHEAD_MS = 86_400_000;

/** `tracker export` */
export async function exportHistory(flags: ExportFlags): Promise<void> {
  const { tracker, format, detail, output } = flags;
  if (flags.json && output === undefined)
    throw new UsageError('--json needs --output: without it the export itself is written to standard output');
  const start = flags.from === undefined ? new Date(0) : timeOf('--from', flags.from);
  const end = flags.to === undefined ? new Date(Date.now() + DEFAULT_END_AHEAD_MS) : timeOf('--to', flags.to);
  if (start >= end)
    throw new UsageError(`--from (${start.toISOString()}) must be before --to (${end.toISOString()})`);
  const writer = EXPORT_FORMATS[format];
  if (!writer) throw new UsageError(`Unknown format ${format}`);
  keepHeapSmall();
  await withContext(
    ExportModule,
    async (context) => {
      const id = await trackerIdOf(context, tracker);
      const running = await context.get(ExportService).export(id, start, end, detail);
      try {
        const document = writer.write(running.tracker, running.rows);
        if (output === undefined) await pipeline(document, process.stdout, { end: false });
        else await pipeline(document, await openFile(output));
      } finally {
        await running.end();
      }
      if (output !== undefined)
        answer({ tracker, file: output, format, detail }, `${output}: written\n`, flags);
    },
    { writes: false },
  );
}

/** Parses a time, or a day, which begins at midnight UTC. */
function timeOf(option: string, text: string): Date {
  try {
    return DateTimeScalar.parseValue(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  } catch {
    throw new UsageError(
      `${option} must be a day, e.g. 2026-01-31, or a time in RFC 3339 with an offset, e.g. 2026-01-31T18:00:00+01:00 (got ${JSON.stringify(text)})`,
    );
  }
}

async function openFile(file: string): Promise<WriteStream> {
  try {
    const handle = await open(file, 'w');
    return handle.createWriteStream();
  } catch (cause) {
    throw new DomainError('BAD_USER_INPUT', `${file} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}
