import type { Command } from 'commander';
import type { AnswerFlags } from './answer.js';
import { addJsonOption, describe } from './command-help.js';

export function addFetchCommand(program: Command): void {
  const command = describe(program.command('fetch'), {
    summary: 'fetch reports from the Find My network',
    description:
      'Fetches the reports of the last 7 days from the Find My endpoint, for the named trackers or for all that have ' +
      'keys. Several fetches may run at once; they share the work.\n\n' +
      'Exit code: 0 if the endpoint answered for every tracker, even without reports; 1 if not; 2 for a usage error.',
    examples: {
      fetch: 'all trackers that have keys',
      'fetch "My bike" --json': 'one tracker; print JSON',
    },
  }).argument('[tracker...]', 'names of trackers');
  addJsonOption(command).action(async (names: string[], flags: AnswerFlags) =>
    (await import('./fetch.action.js')).fetchReports(names, flags),
  );
}
