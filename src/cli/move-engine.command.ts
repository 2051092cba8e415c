import type { Command } from 'commander';
import { addWaitOption } from './wait-option.js';

export function addMoveEngineCommand(program: Command): void {
  const command = program
    .command('move-engine')
    .description(
      'move a filled database from the postgresql engine to the timescaledb engine; stop everything else first. ' +
        'Interrupted while it moves, it has changed nothing; interrupted while it then refreshes, ' +
        'the database is moved: run it again in either case',
    );
  addWaitOption(command).action(async (flags: { wait: number }) =>
    (await import('./move-engine.action.js')).moveEngine(flags),
  );
}
