import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { DomainError } from '../common/errors/domain-error.js';
import { EXIT } from '../process.js';
import { type KeyImportOutcome, KeyImportService } from '../tracker-keys/key-import.service.js';
import { KeyImportModule } from '../tracker-keys/key-import.module.js';
import { TrackerKeysModule } from '../tracker-keys/tracker-keys.module.js';
import { TrackerKeysService } from '../tracker-keys/tracker-keys.service.js';
import { answer, type AnswerFlags, count } from './answer.js';
import { withContext } from './with-context.js';

// No command prints a private key: KeyImportService and TrackerKeysService return none.

/** `tracker keys import` */
export async function importKeys(file: string, flags: AnswerFlags): Promise<void> {
  const content = await read(file);
  await withContext(KeyImportModule, async (context) => {
    const outcomes: KeyImportOutcome[] = [];
    for await (const outcome of context.get(KeyImportService).import(content)) {
      outcomes.push(outcome);
      if (!flags.json) process.stdout.write(`${describe(outcome)}\n`);
    }
    const countOf = (kind: KeyImportOutcome['outcome']): number =>
      outcomes.filter(({ outcome }) => outcome === kind).length;
    const totals = {
      entries: outcomes.length,
      registered: countOf('registered'),
      extended: countOf('extended'),
      unchanged: countOf('unchanged'),
      refused: countOf('refused'),
    };
    const { entries, ...parts } = totals;
    const listed = Object.entries(parts).map(([kind, number]) => `${number} ${kind}`);
    answer({ ...totals, outcomes }, `${entries} read = ${listed.join(' + ')}\n`, flags);
    if (totals.refused > 0) process.exitCode = EXIT.failed;
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
  const result = {
    registered: `registered with ${keys}`,
    extended: `${keys} added`,
    unchanged: 'unchanged',
    refused: 'refused',
  }[outcome];
  return `${title}: ${result}${message === undefined ? '' : `: ${message}`}`;
}

/** `tracker keys list` */
export async function listKeys(flags: AnswerFlags): Promise<void> {
  await withContext(
    TrackerKeysModule,
    async (context) => {
      for (const key of await context.get(TrackerKeysService).list()) {
        const { tracker, hashedAdvKey, isFirst, encryptionKeyId } = key;
        const kind = isFirst ? 'first  ' : 'further';
        answer(key, `${hashedAdvKey}  ${kind}  encrypted with ${encryptionKeyId}  ${tracker}\n`, flags);
      }
    },
    { writes: false },
  );
}

/** `tracker keys rotate` */
export async function rotateKeys(flags: AnswerFlags): Promise<void> {
  await withContext(TrackerKeysModule, async (context) => {
    const summary = await context.get(TrackerKeysService).rotate();
    const { encryptionKeyId, resealed, current } = summary;
    answer(
      summary,
      `${count(resealed, 'private key')} encrypted again, ${current} already up to date; all use ${encryptionKeyId} now. ` +
        'TRACKER_KEY_ENCRYPTION_OLD_KEYS is no longer needed\n',
      flags,
    );
  });
}
