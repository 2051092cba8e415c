import { moveToTimescaledb, type MoveReport } from '../migration/engine-mover.js';
import { withDatabase } from './with-database.js';

/** `tracker move-engine` */
export async function moveEngine({ wait }: { wait: number }): Promise<void> {
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  await withDatabase(async (config, { directUrl }) => {
    const report = await moveToTimescaledb(config, directUrl, { progress, seconds: wait });
    process.stdout.write(`${describeMove(report)}\n`);
  });
}

function describeMove({ moved, refreshed, reports, days }: MoveReport): string {
  if (moved) return `moved to the timescaledb engine: ${reports} raw reports, ${days} days below the horizon`;
  if (refreshed)
    return 'this database was on the timescaledb engine, but behind: its history is refreshed now';
  return 'nothing to do: this database is on the timescaledb engine';
}
