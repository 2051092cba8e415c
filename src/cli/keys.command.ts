import type { Command } from 'commander';

interface Options {
  json?: true;
}

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description("trackers' keys: what reads the reports of the Find My network");
  keys
    .command('import')
    .description(
      "register trackers with their keys, from macless-haystack's devices JSON or a CSV (name, advertisement key, " +
        'private key, mac); safe to repeat; - is standard input',
    )
    .argument('<file>', 'the file; its content tells which of the two it is')
    .option('--json', 'answer as JSON, one object')
    .action(async (file: string, flags: Options) =>
      (await import('./keys.actions.js')).importKeys(file, flags),
    );
  keys
    .command('list')
    .description('the keys of all trackers, without what is secret')
    .option('--json', 'answer as JSON, one object a line')
    .action(async (flags: Options) => (await import('./keys.actions.js')).listKeys(flags));
  keys
    .command('rotate')
    .description('encrypt all private keys with the present TRACKER_KEY_ENCRYPTION_KEY')
    .option('--json', 'answer as JSON')
    .action(async (flags: Options) => (await import('./keys.actions.js')).rotateKeys(flags));
}
