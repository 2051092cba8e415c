import { Client, DatabaseError } from 'pg';
import { DomainError } from '../common/errors/domain-error.js';
import { sleep } from './standalone.js';

/** Name of the superuser that initdb makes, and of the database that the product uses. */
export const DATABASE_NAME = 'tracker';

/** How to reach the server: always 127.0.0.1, always user {@link DATABASE_NAME}. */
export interface Access {
  readonly port: number;
  readonly password: string;
}

/** https://www.postgresql.org/docs/18/errcodes-appendix.html */
const SQLSTATE = {
  cannotConnectNow: '57P03',
  crashShutdown: '57P02',
  adminShutdown: '57P01',
  tooManyConnections: '53300',
  invalidPassword: '28P01',
  unknownDatabase: '3D000',
  duplicateDatabase: '42P04',
  uniqueViolation: '23505', // what CREATE DATABASE says when two create it at the same moment
} as const;

const WORTH_WAITING: readonly (string | undefined)[] = [
  SQLSTATE.cannotConnectNow,
  SQLSTATE.crashShutdown,
  SQLSTATE.adminShutdown,
  SQLSTATE.tooManyConnections,
  'ECONNREFUSED',
  'ECONNRESET',
];

/** The connection string. `sslmode=disable`: else a PGSSLMODE in the environment would ask for what is not there. */
export function urlOf({ port, password }: Access): string {
  return `postgres://${DATABASE_NAME}:${password}@127.0.0.1:${port}/${DATABASE_NAME}?sslmode=disable`;
}

/** Runs `work` on a connection of its own. Every setting is given, so that no PG* variable can change one. */
async function withConnection<T>(
  access: Access,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host: '127.0.0.1',
    port: access.port,
    user: DATABASE_NAME,
    password: access.password,
    database,
    ssl: false,
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined); // a connection that breaks when idle has nothing to tell us
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Waits until the server takes connections (crash recovery included), and makes sure that the database exists.
 *
 * @param stillRunning asked after a failed attempt; when it says no, there is nothing to wait for.
 * @returns false when the server is gone.
 * @throws DomainError `UNAVAILABLE` when it refuses us for good.
 */
export async function prepareDatabase(
  access: Access,
  stillRunning: () => Promise<boolean>,
): Promise<boolean> {
  for (;;) {
    try {
      await withConnection(access, DATABASE_NAME, (client) => client.query('SELECT 1'));
      return true;
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === SQLSTATE.unknownDatabase) {
        await createDatabase(access);
      } else if (code === SQLSTATE.invalidPassword) {
        throw new DomainError(
          'UNAVAILABLE',
          'The running server does not accept the password in cluster/password: was it changed by hand?',
          { cause: error },
        );
      } else if (!WORTH_WAITING.includes(code)) {
        throw error;
      } else if (!(await stillRunning())) {
        return false;
      }
    }
    await sleep(100);
  }
}

async function createDatabase(access: Access): Promise<void> {
  try {
    await withConnection(access, 'postgres', (client) => client.query(`CREATE DATABASE ${DATABASE_NAME}`));
  } catch (error) {
    const made: string[] = [SQLSTATE.duplicateDatabase, SQLSTATE.uniqueViolation];
    if (!(error instanceof DatabaseError) || !made.includes(error.code ?? '')) throw error;
  }
}
