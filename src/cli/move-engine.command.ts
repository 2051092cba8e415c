import type { Command } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { MoveFlags } from './move-engine.action.js';
import { addWaitOption } from './wait-option.js';

export function addMoveEngineCommand(program: Command): void {
  const command = describe(program.command('move-engine'), {
    summary: 'move a database to the timescaledb engine',
    description:
      'Moves a database with its history from the postgresql engine to the timescaledb engine. Stop all other ' +
      'processes first. The move is one transaction, followed by a refresh; after an interruption run the command again.',
    examples: { 'move-engine': 'after TimescaleDB was installed on the server' },
  });
  addJsonOption(addWaitOption(command)).action(async (flags: MoveFlags) =>
    (await import('./move-engine.action.js')).moveEngine(flags),
  );
}
