import { type Command, InvalidArgumentError } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { ImportFlags } from './import.action.js';
import { addRetryCommand } from './import-retry.command.js';

export function addImportCommand(program: Command): void {
  const command = describe(program.command('import'), {
    summary: 'import reports from files',
    description:
      'Imports reports from files: NDJSON, CSV, GPX, GeoJSON, OwnTracks, Overland, Google Records and Timeline, also ' +
      'gzipped. The format is recognized by the content. If an import was interrupted, importing the file again continues ' +
      'where it stopped.\n\n' +
      'Exit code: 0 if every file was read to its end, even with rejected reports; 1 if not; 2 for a usage error.',
    examples: {
      'import reports.ndjson': 'every report names its tracker',
      'import --tracker "My bike" walk.gpx ride.gpx': 'all reports belong to one tracker',
      'import --dry-run --json - < export.csv': 'read standard input, store nothing, print JSON',
    },
  })
    .argument('<file...>', 'files to import, one after the other; - is standard input')
    .option('--tracker <name>', 'the tracker of all reports; without it each report must name its own')
    .option('--map <device=tracker>', 'the tracker of a device name in the file; repeatable', addToMap)
    .option(
      '--dry-run',
      'store nothing; only count the reports that would be stored, late, duplicate or rejected',
    )
    .enablePositionalOptions();
  addJsonOption(command, 'print one JSON object per file, also for errors').action(
    async (files: string[], flags: ImportFlags) =>
      (await import('./import.action.js')).importFiles(files, flags),
  );
  addRetryCommand(command);
}

function addToMap(value: string, map = new Map<string, string>()): Map<string, string> {
  const [, device, tracker] = /^([^=]+)=(.+)$/s.exec(value) ?? [];
  if (device === undefined || tracker === undefined) {
    throw new InvalidArgumentError('It must be a device name in the file, "=", and the name of a tracker.');
  }
  return map.set(device, tracker);
}
