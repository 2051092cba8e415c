import type { Command } from 'commander';
import type { MendFlags } from './mend.action.js';

export function addMendCommand(program: Command): void {
  program
    .command('mend')
    .description(
      'move a horizon that has run ahead of the time back to where it belongs, after a clock was wrong; touches no day ' +
        'of history',
    )
    .option('--plan', 'tell what would be done; change nothing')
    .option('--json', 'as one JSON object')
    .action(async (flags: MendFlags) => (await import('./mend.action.js')).mend(flags));
}
