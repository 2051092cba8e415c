import { type Command, Option } from 'commander';
import { describe } from './command-help.js';
import type { ExportFlags } from './export.action.js';

export function addExportCommand(program: Command): void {
  describe(program.command('export'), {
    summary: 'export the history of a tracker to a file',
    description:
      'Writes the positions of a tracker, oldest first, to standard output or a file. Memory use does not grow with ' +
      'their number.',
    examples: {
      'export --tracker "My bike"': 'all history, as CSV on standard output',
      'export --tracker "My bike" --from 2026-11-01 --format gpx -o bike.gpx':
        'a GPX track since 1 November (UTC)',
      'export --tracker Bag --from 2026-11-30T06:00:00+01:00 --detail reports | head':
        'the first raw reports since that time, as CSV',
    },
  })
    .requiredOption('--tracker <name>', 'name of the tracker')
    .option(
      '--from <time>',
      'start: a day (UTC), or a time in RFC 3339 with an offset; default: the oldest position',
    )
    .option('--to <time>', 'end, exclusive; default: the newest position')
    .addOption(
      new Option('--format <format>', 'format of the file')
        .choices(['csv', 'geojson', 'gpx', 'ndjson'])
        .default('csv'),
    )
    .addOption(
      new Option('--detail <detail>', 'daily and hourly history, or the raw reports that are still kept')
        .choices(['history', 'reports'])
        .default('history'),
    )
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .option('--json', 'with --output: print one JSON object, also for errors')
    .action(async (flags: ExportFlags) => (await import('./export.action.js')).exportHistory(flags));
}
