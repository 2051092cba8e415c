import type { QueryRunner } from 'typeorm';
import { sqlFile } from '../src/database/sql-files.js';

/** Runs files below `sql/schema/`, in order. */
export async function runSchema(runner: QueryRunner, ...files: string[]): Promise<void> {
  for (const file of files) {
    await runner.query(sqlFile(`schema/${file}`));
  }
}

/** The folder of the engine that this database was made for. */
export async function engineOf(runner: QueryRunner): Promise<string> {
  const [row] = (await runner.query('SELECT engine FROM history_state')) as [{ engine: string }];
  return row.engine;
}
