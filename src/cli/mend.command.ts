import { type Command, Option } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { MendFlags } from './mend.action.js';

export function addMendCommand(program: Command): void {
  const command = describe(program.command('mend'), {
    summary: 'repair history after a clock was wrong or reports were removed by hand',
    description:
      'Moves back a horizon that is ahead of the agreed time, and resets the counts of damaged days, so that you can ' +
      'import their reports again.',
    examples: {
      'mend --plan': 'only show what would be done',
      mend: 'repair; then import the reports of the listed days again',
      'mend --accept-loss': 'accept losses that cannot be recovered',
    },
  })
    .addOption(new Option('--plan', 'only show what would be done; change nothing').conflicts('acceptLoss'))
    .option('--accept-loss', 'accept that the missing reports are lost: doctor no longer reports them');
  addJsonOption(command).action(async (flags: MendFlags) => (await import('./mend.action.js')).mend(flags));
}
