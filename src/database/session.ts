import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';

/** One connection of the pool, for as long as something is done on it. Services hand it on; repositories talk to it. */
export type Session = QueryRunner;

/** How long the answer to a short statement may take before its connection counts as lost. */
const ANSWER_MS = 10_000;
const GOODBYE_MS = 500;

/**
 * Waits for short statements of a session, and cuts its connection where they are not answered in time: after a
 * connection was lost without a word, the system would go on waiting for a quarter of an hour.
 */
export async function answered<T>(session: Session, statements: Promise<T>, ms = ANSWER_MS): Promise<T> {
  const timer = setTimeout(() => void endSession(session), ms);
  try {
    return await statements;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs one short statement on a session of the pool; fails where it is not answered in time. */
export async function askQuickly<T>(
  db: DataSource,
  sql: string,
  parameters: unknown[] = [],
  ms = ANSWER_MS,
): Promise<T> {
  const session = db.createQueryRunner();
  try {
    await session.connect();
    return (await answered(session, session.query(sql, parameters), ms)) as T;
  } finally {
    await session.release();
  }
}

/**
 * Calls back when the server or the network ends a session, before any later statement on it fails.
 *
 * @returns what stops watching; it has to be called before the session is released.
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

/** Ends a session for good; the server notices a statement without a client within seconds. */
export async function endSession(session: Session): Promise<void> {
  const client = (await session.connect()) as { end(): Promise<void> };
  await Promise.race([client.end().catch(() => undefined), sleep(GOODBYE_MS)]);
}
