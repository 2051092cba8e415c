import type { Command } from 'commander';

export function addMoveEngineCommand(program: Command): void {
  program
    .command('move-engine')
    .description(
      'move a filled database from the postgresql engine to the timescaledb engine; stop everything else first. ' +
        'Interrupted while it moves, it has changed nothing; interrupted while it then refreshes, ' +
        'the database is moved: run it again in either case',
    )
    .action(async () => (await import('./move-engine.action.js')).moveEngine());
}
