import { setFlagsFromString } from 'node:v8';
import { DomainError, type ErrorCode } from './common/errors/domain-error.js';
import { describeRefusal } from './database/pg-errors.js';

/** How long an orderly stop may take before the process ends without it, in milliseconds. */
const STOP_TIMEOUT_MS = 25_000;

/** Exit codes of every command: what scripts can rely on. */
export const EXIT = { failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Lets the heap grow by a third before it is cleaned up, and not to a multiple of what is in use. For a process that
 * streams: what a file leaves behind is garbage. Costs no time that could be measured, and spares an import of a million
 * lines 40 MB.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
}

/** A failure in the form of `{"error": …}`: a stable code, a message, and the particulars of the error. */
export function failureOf(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof DomainError) return { code: error.code, message: error.message, ...error.details };
  const refusal = describeRefusal(error);
  if (refusal !== null) return { code: 'UNAVAILABLE', message: refusal };
  return { code: 'INTERNAL_SERVER_ERROR', message: error instanceof Error ? error.message : String(error) };
}

/** A failure as one line for a person; with its stack if it was not expected. */
export function describeFailure(error: unknown): string {
  const { code, message } = failureOf(error);
  if (code !== 'INTERNAL_SERVER_ERROR' || error instanceof DomainError) return `${code}: ${message}`;
  return error instanceof Error ? (error.stack ?? message) : message;
}

/**
 * Runs something that goes on until it is told to stop: SIGINT and SIGTERM stop it in order, a second one at once.
 *
 * @param start begins it and gives back what stops it.
 */
export async function runProcess(start: () => Promise<() => Promise<void>>): Promise<void> {
  let stop: () => Promise<void>;
  try {
    stop = await start();
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exit(EXIT.failed);
  }
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(EXIT.interrupted);
    stopping = true;
    setTimeout(() => process.exit(EXIT.failed), STOP_TIMEOUT_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${describeFailure(error)}\n`);
        process.exit(EXIT.failed);
      },
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
