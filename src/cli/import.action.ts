import { DomainError } from '../common/errors/domain-error.js';
import { toDomainError } from '../common/errors/pg-errors.js';
import { SchemaGuard } from '../migration/schema-guard.js';
import { ImportModule } from '../import/import.module.js';
import { ImportService } from '../import/import.service.js';
import { ImportBrokenError, type ImportSummary } from '../import/import-summary.js';
import { describeFailure, EXIT, keepHeapSmall } from '../process.js';
import { answer, type AnswerFlags, colored, progress as printProgress } from './answer.js';
import { describeSummary, jsonOf, showProgress } from './import-output.js';
import { withContext } from './with-context.js';

export interface ImportFlags extends AnswerFlags {
  tracker?: string;
  map?: Map<string, string>;
  dryRun?: true;
}

/** `tracker import` */
export async function importFiles(files: string[], flags: ImportFlags): Promise<void> {
  keepHeapSmall();
  await withContext(ImportModule, async (context) => {
    await context.get(SchemaGuard).lengthenDailyRetention();
    for (const file of files) await importFile(context.get(ImportService), file, flags);
  });
}

/** Imports one file. A failure is reported and does not stop the next file. */
async function importFile(imports: ImportService, file: string, flags: ImportFlags): Promise<void> {
  const progress = showProgress(file);
  const options = {
    tracker: flags.tracker,
    map: flags.map,
    dryRun: flags.dryRun === true,
    onProgress: progress.update.bind(progress),
  };
  const reading =
    file === '-'
      ? imports.importStream(process.stdin, { ...options, kind: 'file', name: file })
      : imports.importFile(file, options);
  const result = await reading.then(
    (summary) => ({ summary, failure: undefined }),
    (error: unknown) => ({ summary: undefined, failure: toReadError(file, error) }),
  );
  progress.end();
  const { failure } = result;
  const summary = failure instanceof ImportBrokenError ? failure.summary : result.summary;
  if (flags.json || summary) {
    answer(jsonOf(file, summary, failure), () => (summary ? describeSummary(file, summary) : ''), flags);
  }
  if (failure !== undefined) reportFailure(failure, summary);
}

function reportFailure(failure: unknown, summary: ImportSummary | undefined): void {
  printProgress(colored('red', describeFailure(failure), process.stderr));
  if (summary)
    printProgress('Reports read before the failure are counted above; the whole file may be imported again.');
  process.exitCode = EXIT.failed;
}

/**
 * Converts an error of the file system (ENOENT, EISDIR, EACCES) to a DomainError. Returns any other error unchanged,
 * also one of the database connection, which names a system call too.
 */
function toReadError(file: string, error: unknown): unknown {
  if (toDomainError(error) !== error || !(error instanceof Error) || !('syscall' in error)) return error;
  return new DomainError('BAD_USER_INPUT', `${file} cannot be read: ${error.message}`, { cause: error });
}
