import type { Command } from 'commander';
import type { AnswerFlags } from './answer.js';
import { addJsonOption, describe } from './command-help.js';

export function addFetchCommand(program: Command): void {
  const command = describe(program.command('fetch'), {
    summary: 'fetch reports from the Find My network',
    description:
      'Asks the Find My endpoint for the reports of the last 7 days, for all trackers that have keys or only for those ' +
      'named. Several may run at once; they share the work.\n\n' +
      'Exits with 0 if every tracker was answered, even without reports; with 1 if one was not; with 2 if called wrongly.',
    examples: {
      fetch: 'all trackers that have keys',
      'fetch "My bike" --json': 'one tracker; answer in JSON',
    },
  }).argument('[tracker...]', 'names of trackers');
  addJsonOption(command).action(async (names: string[], flags: AnswerFlags) =>
    (await import('./fetch.action.js')).fetchReports(names, flags),
  );
}
