import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { DomainError } from '../common/errors/domain-error.js';
import { EXIT } from '../process.js';
import { type KeyImportOutcome, KeyImportService } from '../tracker-keys/key-import.service.js';
import { KeyImportModule } from '../tracker-keys/key-import.module.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackerKeysService } from '../tracker-keys/tracker-keys.service.js';
import { count } from './count.js';
import { withContext } from './with-context.js';

// Nothing here prints a private key: KeyImportService and TrackerKeysService give none away.

interface Options {
  json?: true;
}

/** `tracker keys import` */
export async function importKeys(file: string, { json }: Options): Promise<void> {
  const content = await read(file);
  await withContext(KeyImportModule, async (context) => {
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
  const keys = count(keysAdded, 'key');
  const what = {
    registered: `registered with ${keys}`,
    extended: `${keys} added`,
    unchanged: 'unchanged',
    refused: 'refused',
  }[outcome];
  return `${title}: ${what}${message === undefined ? '' : `: ${message}`}`;
}

/** `tracker keys list` */
export async function listKeys({ json }: Options): Promise<void> {
  await withContext(
    TrackerKeysModule,
    async (context) => {
      for (const key of await context.get(TrackerKeysService).list()) {
        const { tracker, hashedAdvKey, isFirst, encryptionKeyId } = key;
        process.stdout.write(
          json
            ? `${JSON.stringify(key)}\n`
            : `${hashedAdvKey}  ${isFirst ? 'first  ' : 'further'}  encrypted with ${encryptionKeyId}  ${tracker}\n`,
        );
      }
    },
    { writes: false },
  );
}

/** `tracker keys rotate` */
export async function rotateKeys({ json }: Options): Promise<void> {
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
