import type { Command } from 'commander';

export function addFetchCommand(program: Command): void {
  program
    .command('fetch')
    .description(
      'ask the Find My endpoint for the reports of the last 7 days: of all trackers that have keys, or of some. Several ' +
        'may run at once and share the work. Exits with 0 when every tracker was answered, also without reports; with 1 ' +
        'when one was not; with 2 when called wrongly',
    )
    .argument('[tracker...]', 'names of trackers')
    .option('--json', 'answer as JSON, one object')
    .action(async (names: string[], flags: { json?: true }) =>
      (await import('./fetch.action.js')).fetchReports(names, flags),
    );
}
