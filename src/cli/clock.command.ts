import type { Command } from 'commander';
import type { ClockFlags } from './clock.action.js';
import { addJsonOption, describe } from './command-help.js';

export function addClockCommand(program: Command): void {
  const command = describe(program.command('clock'), {
    summary: 'compare the clocks of the database and this machine',
    description:
      'Shows the time of the database, the time of this machine, and the agreed time that retention uses. Exits with 1 if ' +
      'they disagree.',
    examples: {
      clock: 'show the three times',
      'clock --accept': "after a jump of the database's clock: accept its time as correct",
    },
  })
    .option('--accept', "accept the database's time as correct; retention uses it from now on")
    .option('--force', "with --accept: even if this machine's clock disagrees");
  addJsonOption(command).action(async (flags: ClockFlags) =>
    (await import('./clock.action.js')).clock(flags),
  );
}
