import type { Command } from 'commander';
import type { MendFlags } from './mend.action.js';

export function addMendCommand(program: Command): void {
  program
    .command('mend')
    .description(
      'after a clock was wrong, or history was removed by hand: move a horizon that has run ahead back to where it ' +
        'belongs, and have damaged days counted anew by what you import again',
    )
    .option('--plan', 'tell what would be done; change nothing')
    .option('--accept-loss', 'give up what is missing: the doctor names it no longer')
    .option('--json', 'as one JSON object')
    .action(async (flags: MendFlags) => (await import('./mend.action.js')).mend(flags));
}
