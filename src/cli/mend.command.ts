import { type Command, Option } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { MendFlags } from './mend.action.js';

export function addMendCommand(program: Command): void {
  const command = describe(program.command('mend'), {
    summary: 'repair history after a wrong clock or a removal by hand',
    description:
      'Moves a horizon that ran ahead back to where it belongs, and lets damaged days be counted again from the reports ' +
      'that you import again.',
    examples: {
      'mend --plan': 'show what would be done; change nothing',
      mend: 'do it; then import the named days again',
      'mend --accept-loss': 'stop reporting what cannot be recovered',
    },
  })
    .addOption(new Option('--plan', 'only show what would be done; change nothing').conflicts('acceptLoss'))
    .option('--accept-loss', 'give up what is missing: doctor no longer reports it');
  addJsonOption(command).action(async (flags: MendFlags) => (await import('./mend.action.js')).mend(flags));
}
