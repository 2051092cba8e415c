import type pg from 'pg';
import { CrashSafeClient } from '../../src/database/crash-safe-client.js';

/**
 * A connection of its own. What breaks it is told by the statement that fails then; without a listener it would end the
 * process of the tests.
 */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new CrashSafeClient({ connectionString: url });
  await client.connect();
  return client;
}

/** Works on a connection that ends with the work. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connectTo(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
