import { moveToTimescaledb, type MoveReport } from '../database/engine-mover.js';
import { withDatabase } from './with-database.js';

/** `tracker move-engine` */
export async function moveEngine(): Promise<void> {
  await withDatabase(async (config, { url }) => {
    process.stdout.write(`${describeMove(await moveToTimescaledb(config, url))}\n`);
  });
}

function describeMove({ moved, refreshed, reports, days }: MoveReport): string {
  if (moved) return `moved to the timescaledb engine: ${reports} raw reports, ${days} days below the horizon`;
  if (refreshed)
    return 'this database was on the timescaledb engine, but behind: its history is refreshed now';
  return 'nothing to do: this database is on the timescaledb engine';
}
