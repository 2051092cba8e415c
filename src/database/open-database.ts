import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { startEmbeddedCluster } from '../embedded/embedded-cluster.js';
import { HeardClient } from './heard-client.js';
import { databaseErrorCode, SQLSTATE, toDomainError } from './pg-errors.js';

/** The database that a process works on. */
export interface OpenDatabase {
  url: string;
  /** Whether it is the private server of this product. */
  embedded: boolean;
  /** Gives it up; the private server ends with its last user. */
  close(): Promise<void>;
}

/**
 * `DATABASE_URL`, or the private server where that is not set.
 *
 * @throws DomainError `UNAVAILABLE` when it cannot be connected to, or the private server cannot be started.
 */
export async function openDatabase(config: AppConfig, log: (line: string) => void): Promise<OpenDatabase> {
  if (config.DATABASE_URL !== undefined) {
    await requireConnection(config.DATABASE_URL);
    return { url: config.DATABASE_URL, embedded: false, close: () => Promise.resolve() };
  }
  const cluster = await startEmbeddedCluster({ dataDir: config.EMBEDDED_DATA_DIR, log });
  return { url: cluster.url, embedded: true, close: () => cluster.stop() };
}

/** Tries the address before anything is built on it: who mistyped it is told at once, in one line. */
async function requireConnection(url: string): Promise<void> {
  const client = new HeardClient({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
  } catch (error) {
    if (databaseErrorCode(error) === SQLSTATE.tooManyConnections) throw toDomainError(error);
    throw new DomainError('UNAVAILABLE', `DATABASE_URL cannot be connected to: ${reasonOf(error)}`, {
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The driver's words, which never have the password; a name with several addresses fails with several errors. */
function reasonOf(error: unknown): string {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', ');
}
