import type { Command } from 'commander';
import type { AnswerFlags } from './answer.js';
import { addJsonOption, describe } from './command-help.js';

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .summary('manage the keys that decrypt Find My reports')
    .description('Manages the keys that decrypt Find My reports. No command prints a private key.');
  const importKeys = describe(keys.command('import'), {
    summary: 'register trackers with their keys from a file',
    description:
      "Registers trackers with their keys from macless-haystack's devices JSON or a CSV with the columns name, " +
      'advertisement key, private key, mac. The format is recognized by the content. Safe to repeat.',
    examples: { 'keys import devices.json': 'register new trackers; add keys to registered ones' },
  }).argument('<file>', 'the file; - is standard input');
  addJsonOption(importKeys).action(async (file: string, flags: AnswerFlags) =>
    (await import('./keys.actions.js')).importKeys(file, flags),
  );
  const list = describe(keys.command('list'), {
    summary: 'list the keys of all trackers, without secrets',
    examples: { 'keys list': 'hashed key, first or further key, encryption key, tracker' },
  });
  addJsonOption(list, 'print one JSON object per key').action(async (flags: AnswerFlags) =>
    (await import('./keys.actions.js')).listKeys(flags),
  );
  const rotate = describe(keys.command('rotate'), {
    summary: 'encrypt all private keys with the current TRACKER_KEY_ENCRYPTION_KEY',
    description:
      'Encrypts all private keys with the current TRACKER_KEY_ENCRYPTION_KEY. Keep the former key in ' +
      'TRACKER_KEY_ENCRYPTION_OLD_KEYS until this command has run.',
    examples: { 'keys rotate': 'after TRACKER_KEY_ENCRYPTION_KEY was replaced' },
  });
  addJsonOption(rotate).action(async (flags: AnswerFlags) =>
    (await import('./keys.actions.js')).rotateKeys(flags),
  );
}
