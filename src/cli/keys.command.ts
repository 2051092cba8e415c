import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { DomainError } from '../common/errors/domain-error.js';
import { EXIT } from '../process.js';
import { type KeyImportOutcome, KeyImportService } from '../tracker-keys/key-import.service.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackerKeysService } from '../tracker-keys/tracker-keys.service.js';
import { withContext } from './with-context.js';

interface Options {
  json?: true;
}

/** Nothing here prints a private key: {@link KeyImportService} and {@link TrackerKeysService} give none away. */
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
    .action(importKeys);
  keys
    .command('list')
    .description('the keys of all trackers, without what is secret')
    .option('--json', 'answer as JSON, one object a line')
    .action(listKeys);
  keys
    .command('rotate')
    .description('encrypt all private keys with the present TRACKER_KEY_ENCRYPTION_KEY')
    .option('--json', 'answer as JSON')
    .action(rotateKeys);
}

async function importKeys(file: string, { json }: Options): Promise<void> {
  const content = await read(file);
  await withContext(TrackerKeysModule, async (context) => {
    const outcomes: KeyImportOutcome[] = [];
    for await (const outcome of context.get(KeyImportService).import(content)) {
      outcomes.push(outcome);
      if (!json) process.stdout.write(`${describe(outcome)}\n`);
    }
    const count = (kind: KeyImportOutcome['outcome']): number =>
      outcomes.filter(({ outcome }) => outcome === kind).length;
    const sums = {
      entries: outcomes.length,
      registered: count('registered'),
      extended: count('extended'),
      unchanged: count('unchanged'),
      refused: count('refused'),
    };
    if (json) process.stdout.write(`${JSON.stringify({ ...sums, outcomes })}\n`);
    else {
      const { entries, ...parts } = sums;
      const listed = Object.entries(parts).map(([kind, number]) => `${number} ${kind}`);
      process.stdout.write(`${entries} read = ${listed.join(' + ')}\n`);
    }
    if (sums.refused > 0) process.exitCode = EXIT.failed;
  });
}

async function read(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new DomainError('BAD_USER_INPUT', `${file} cannot be read: ${String(cause)}`, { cause });
  }
}

function describe({ place, name, outcome, keysAdded, message }: KeyImportOutcome): string {
  const title = name === undefined ? place : `${place} ${JSON.stringify(name)}`;
  const keys = keysAdded === 1 ? '1 key' : `${keysAdded} keys`;
  const what = {
    registered: `registered with ${keys}`,
    extended: `${keys} added`,
    unchanged: 'unchanged',
    refused: 'refused',
  }[outcome];
  return `${title}: ${what}${message === undefined ? '' : `: ${message}`}`;
}

async function listKeys({ json }: Options): Promise<void> {
  await withContext(TrackerKeysModule, async (context) => {
    for (const key of await context.get(TrackerKeysService).list()) {
      const { tracker, hashedAdvKey, isFirst, encryptionKeyId } = key;
      process.stdout.write(
        json
          ? `${JSON.stringify(key)}\n`
          : `${hashedAdvKey}  ${isFirst ? 'first  ' : 'further'}  encrypted with ${encryptionKeyId}  ${tracker}\n`,
      );
    }
  });
}

async function rotateKeys({ json }: Options): Promise<void> {
  await withContext(TrackerKeysModule, async (context) => {
    const summary = await context.get(TrackerKeysService).rotate();
    const { encryptionKeyId, resealed, current } = summary;
    process.stdout.write(
      json
        ? `${JSON.stringify(summary)}\n`
        : `${resealed} private keys encrypted anew, ${current} were already; all with ${encryptionKeyId} now. ` +
            'TRACKER_KEY_ENCRYPTION_OLD_KEYS is needed no longer\n',
    );
  });
}
