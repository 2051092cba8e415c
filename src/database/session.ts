import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';

/** One connection of the pool, for as long as it is in use. Services pass it on; repositories query it. */
export type Session = QueryRunner;

/** A connection counts as lost when a short statement takes longer than this. */
const STATEMENT_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 500;

/**
 * Waits for short statements of a session, and closes its connection if they take too long: when a connection is lost
 * silently, the operating system would wait for a quarter of an hour.
 */
export async function withTimeout<T>(
  session: Session,
  statements: Promise<T>,
  ms = STATEMENT_TIMEOUT_MS,
): Promise<T> {
  const timer = setTimeout(() => void endSession(session), ms);
  try {
    return await statements;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs one short statement on a session of the pool. @throws when it takes longer than `ms`. */
export async function queryWithTimeout<T>(
  db: DataSource,
  sql: string,
  parameters: unknown[] = [],
  ms = STATEMENT_TIMEOUT_MS,
): Promise<T> {
  const session = db.createQueryRunner();
  try {
    await session.connect();
    return (await withTimeout(session, session.query(sql, parameters), ms)) as T;
  } finally {
    await session.release();
  }
}

/**
 * Calls back when the server or the network ends a session, before the next statement on it fails.
 *
 * @returns a function that stops watching; call it before the session is released.
 */
export async function whenSessionEnds(
  session: Session,
  ended: (reason: string) => void,
): Promise<() => void> {
  const client = (await session.connect()) as EventEmitter;
  const onError = (error: Error): void => ended(error.message);
  const onEnd = (): void => ended('the connection was closed');
  client.once('error', onError).once('end', onEnd);
  return () => client.off('error', onError).off('end', onEnd);
}

/** Closes the connection of a session; the server notices within seconds that a running statement has no client. */
export async function endSession(session: Session): Promise<void> {
  const client = (await session.connect()) as { end(): Promise<void> };
  await Promise.race([client.end().catch(() => undefined), sleep(END_TIMEOUT_MS)]);
}
