import type { Command } from 'commander';
import type { ClockFlags } from './clock.action.js';

export function addClockCommand(program: Command): void {
  program
    .command('clock')
    .description(
      'tell what the clocks of this program and the database say, and by which time retention works; exits with 1 ' +
        'where they disagree',
    )
    .option(
      '--accept',
      "take the database's clock for right, after it has jumped: retention works by it from now on",
    )
    .option('--force', "with --accept: also where this program's clock says something else")
    .option('--json', 'as one JSON object')
    .action(async (flags: ClockFlags) => (await import('./clock.action.js')).clock(flags));
}
