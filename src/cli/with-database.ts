import type { AppConfig } from '../config/app-config.js';
import { loadConfig } from '../config/app-config.js';
import { openDatabase, type OpenDatabase } from '../database/open-database.js';

/**
 * Runs a command on the configured database and closes it afterwards. Writes progress to standard error, because
 * standard output is for the result only.
 */
export async function withDatabase<T>(
  work: (config: AppConfig, database: OpenDatabase) => Promise<T>,
): Promise<T> {
  const config = loadConfig(process.env);
  const database = await openDatabase(config, (line) => process.stderr.write(`${line}\n`));
  try {
    return await work(config, database);
  } finally {
    await database.close();
  }
}
