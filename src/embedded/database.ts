import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

/** Name of the superuser that initdb creates, and of the database that the product uses. */
export const DATABASE_NAME = 'tracker';

/** How to reach the server: always 127.0.0.1, always user {@link DATABASE_NAME}. */
export interface Access {
  readonly port: number;
  readonly password: string;
}

/**
 * Error codes while the server starts, stops or has too many connections:
 * https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const TRANSIENT: readonly unknown[] = ['57P01', '57P02', '57P03', '53300', 'ECONNREFUSED', 'ECONNRESET'];

/**
 * The connection string. `sslmode=disable`: a PGSSLMODE in the environment could require TLS, which this server lacks.
 */
export function urlOf({ port, password }: Access): string {
  return `postgres://${DATABASE_NAME}:${password}@127.0.0.1:${port}/${DATABASE_NAME}?sslmode=disable`;
}

/**
 * Waits until the server accepts connections (also during crash recovery), and creates the database if it is missing.
 *
 * @param isRunning called after a failed attempt; false ends the wait.
 * @returns false when the server is gone.
 * @throws the error of the server if it is permanent, e.g. because the password was changed by hand.
 */
export async function waitUntilReady(access: Access, isRunning: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    try {
      await ensureDatabase(access);
      return true;
    } catch (error) {
      if (!(await isRunning())) return false;
      if (!TRANSIENT.includes((error as { code?: unknown }).code)) throw error;
    }
    await sleep(50);
  }
}

/** Creates the database if it is missing. Sets every connection parameter, so that no PG* variable can change one. */
async function ensureDatabase({ port, password }: Access): Promise<void> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: DATABASE_NAME,
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined); // the query that fails reports it
  try {
    await client.connect();
    const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE_NAME]);
    if (rows.length === 0) await client.query(`CREATE DATABASE ${DATABASE_NAME}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}
