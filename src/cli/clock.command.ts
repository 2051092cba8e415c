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
      clock: 'show all three',
      'clock --accept': "after a jump of the database's clock: declare its time to be right",
    },
  })
    .option('--accept', "declare the database's time to be right; retention uses it from now on")
    .option('--force', "with --accept: even if this machine's clock disagrees");
  addJsonOption(command).action(async (flags: ClockFlags) =>
    (await import('./clock.action.js')).clock(flags),
  );
}
