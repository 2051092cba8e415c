import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { startEmbeddedCluster } from '../embedded/embedded-cluster.js';
import { CrashSafeClient } from './crash-safe-client.js';
import { requireSession, requireTransactions, unreachable } from './pooler.js';

/** The database of a process. */
export interface OpenDatabase {
  url: string;
  /** Address of the same database for work that needs a session of its own: without a pooler in transaction mode. */
  directUrl: string;
  /** Whether it is the product's private server. */
  embedded: boolean;
  /** Call it when the process is done; the private server stops with its last user. */
  close(): Promise<void>;
}

/** The address for work that needs a session of its own. @param url `DATABASE_URL`, or the embedded server's. */
export function directUrlOf(config: AppConfig, url: string): string {
  return config.DATABASE_DIRECT_URL ?? config.DATABASE_LISTEN_URL ?? url;
}

/**
 * Opens `DATABASE_URL`, or starts the private server if that is not set.
 *
 * @throws DomainError `UNAVAILABLE` when the database cannot be reached or the private server cannot be started;
 * `BAD_CONFIGURATION` when a pooler does not keep sessions, or the two addresses lead to different databases.
 */
export async function openDatabase(config: AppConfig, log: (line: string) => void): Promise<OpenDatabase> {
  const url = config.DATABASE_URL;
  if (url === undefined) {
    const cluster = await startEmbeddedCluster({ dataDir: config.EMBEDDED_DATA_DIR, log });
    return { url: cluster.url, directUrl: cluster.url, embedded: true, close: () => cluster.stop() };
  }
  const directUrl = directUrlOf(config, url);
  if (directUrl === url) await requireSession(url, 'DATABASE_URL');
  else await requireSameDatabase(config, url, directUrl);
  return { url, directUrl, embedded: false, close: () => Promise.resolve() };
}

async function requireSameDatabase(config: AppConfig, url: string, directUrl: string): Promise<void> {
  const variable = config.DATABASE_DIRECT_URL === undefined ? 'DATABASE_LISTEN_URL' : 'DATABASE_DIRECT_URL';
  await requireTransactions(url, 'DATABASE_URL');
  await requireSession(directUrl, variable);
  const [pooled, direct] = [await identityOf(url, 'DATABASE_URL'), await identityOf(directUrl, variable)];
  if (pooled === direct) return;
  throw new DomainError(
    'BAD_CONFIGURATION',
    `DATABASE_URL and ${variable} lead to different databases (${pooled}; ${direct}): set both to the same one`,
  );
}

/** Identifies a database: its name, its oid, and when its server started. */
async function identityOf(url: string, variable: string): Promise<string> {
  try {
    const client = new CrashSafeClient({ connectionString: url, connectionTimeoutMillis: 10_000 });
    try {
      await client.connect();
      const { rows } = await client.query<{ identity: string }>(
        `SELECT format('%s with id %s on a server that started at %s', datname, oid, pg_postmaster_start_time() AT TIME ZONE 'UTC') AS identity
         FROM pg_database WHERE datname = current_database()`,
      );
      return rows[0]?.identity ?? '';
    } finally {
      await client.end().catch(() => undefined);
    }
  } catch (error) {
    throw unreachable(variable, error);
  }
}
