import { type Command, InvalidArgumentError } from 'commander';
import type { ImportFlags } from './import.action.js';
import { addRetryCommand } from './import-retry.command.js';

export function addImportCommand(program: Command): void {
  const command = program
    .command('import')
    .description(
      'take in reports from files: NDJSON, CSV, GPX, GeoJSON, OwnTracks, Overland, Google Records and Timeline, also ' +
        'gzipped, told by their content; - is standard input. ' +
        'A file whose import was interrupted goes on where it stopped. Exits with 0 when all files were read to their ' +
        'end, also with rejected reports; with 1 when one was not; with 2 when called wrongly',
    )
    .argument('<file...>', 'files to take in, one after the other')
    .option('--tracker <name>', 'the tracker that all reports are of; else each report must name its own')
    .option(
      '--map <device=tracker>',
      'a name in the file, and the tracker that it means; repeatable',
      addToMap,
    )
    .option('--dry-run', 'store nothing, and tell what would become of every report')
    .option('--json', 'one JSON object a file on standard output')
    .enablePositionalOptions()
    .action(async (files: string[], flags: ImportFlags) =>
      (await import('./import.action.js')).importFiles(files, flags),
    );
  addRetryCommand(command);
}

function addToMap(value: string, map = new Map<string, string>()): Map<string, string> {
  const [, device, tracker] = /^([^=]+)=(.+)$/s.exec(value) ?? [];
  if (device === undefined || tracker === undefined) {
    throw new InvalidArgumentError('It must be the name in the file, "=", and the name of a tracker.');
  }
  return map.set(device, tracker);
}
