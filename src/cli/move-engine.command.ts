import type { Command } from 'commander';
import { moveToTimescaledb, type MoveReport } from '../database/engine-mover.js';
import { withDatabase } from './with-database.js';

export function addMoveEngineCommand(program: Command): void {
  program
    .command('move-engine')
    .description(
      'move a filled database from the postgresql engine to the timescaledb engine; stop everything else first. ' +
        'Interrupted while it moves, it has changed nothing; interrupted while it then refreshes, ' +
        'the database is moved: run it again in either case',
    )
    .action(async () => {
      await withDatabase(async (config, { url }) => {
        process.stdout.write(`${describeMove(await moveToTimescaledb(config, url))}\n`);
      });
    });
}

function describeMove({ moved, refreshed, reports, days }: MoveReport): string {
  if (moved) return `moved to the timescaledb engine: ${reports} raw reports, ${days} days below the horizon`;
  if (refreshed)
    return 'this database was on the timescaledb engine, but behind: its history is refreshed now';
  return 'nothing to do: this database is on the timescaledb engine';
}
