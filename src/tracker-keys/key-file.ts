import { parse, type CsvError } from 'csv-parse/sync';
import { DomainError } from '../common/errors/domain-error.js';
import { KEY_BYTES, PrivateKey } from './private-key.js';

/** One tracker as a file of keys has it. */
export interface KeyFileEntry {
  /** Where it stands: `device 2`, `line 7`. */
  place: string;
  name: string;
  macAddress?: string;
  /** The first one is what the tracker is registered under. */
  keys: PrivateKey[];
}

/** An entry that cannot be taken as it is written. */
export interface WrongEntry {
  place: string;
  name?: string;
  /** Says what is wrong; never shows a key. */
  problem: string;
}

/** What a file of keys holds, in its order. */
export type KeyFile = (KeyFileEntry | WrongEntry)[];

/**
 * Reads macless-haystack's list of devices (JSON) or a CSV with the columns name, private key and, optionally,
 * advertisement key, hashed key and MAC address; which of the two is told by the content.
 *
 * The text is full of secrets, so no message here has a piece of it, nor what a parser says about it.
 *
 * @throws DomainError `BAD_USER_INPUT` when it is neither.
 */
export function readKeyFile(text: string): KeyFile {
  if (text.trim() === '') throw wrongFile('it is empty');
  return /^\uFEFF?\s*[[{]/.test(text) ? readDevices(text.replace(/^\uFEFF/, '')) : readCsv(text);
}

function wrongFile(problem: string): DomainError {
  return new DomainError('BAD_USER_INPUT', `This is no file of keys: ${problem}`);
}

function readDevices(text: string): KeyFile {
  let devices: unknown;
  try {
    devices = JSON.parse(text);
  } catch {
    throw wrongFile('it begins as JSON and is cut, or wrong further on');
  }
  const names = new Set<string>();
  return (Array.isArray(devices) ? devices : [devices]).map((device: unknown, i) => {
    const place = `device ${i + 1}`;
    if (typeof device !== 'object' || device === null) return { place, problem: 'it is no device' };
    const { name, privateKey, additionalKeys } = device as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') return { place, problem: 'it has no name' };
    const texts = [privateKey, ...(Array.isArray(additionalKeys) ? (additionalKeys as unknown[]) : [])];
    const keys = texts.map((key) =>
      typeof key === 'string' ? PrivateKey.fromBase64(key.trim()) : undefined,
    );
    const wrong = keys.indexOf(undefined);
    if (wrong === 0) return { place, name, problem: NO_PRIVATE_KEY('privateKey') };
    if (wrong > 0) return { place, name, problem: NO_PRIVATE_KEY(`additionalKeys[${wrong - 1}]`) };
    if (names.has(name)) return { place, name, problem: 'another device of the file has the same name' };
    names.add(name);
    return { place, name, keys: keys as PrivateKey[] };
  });
}

const NO_PRIVATE_KEY = (field: string): string =>
  `${field} is no base64 of a P-224 private key (${KEY_BYTES} bytes)`;

type Column = 'name' | 'privateKey' | 'advertisementKey' | 'hashedAdvKey' | 'macAddress';

/** How spreadsheets name them, in letters alone. */
const COLUMNS: Readonly<Record<string, Column>> = {
  name: 'name', idname: 'name', tracker: 'name',
  privatekey: 'privateKey', privkey: 'privateKey',
  advertisementkey: 'advertisementKey', advkey: 'advertisementKey', publickey: 'advertisementKey',
  hashedadvkey: 'hashedAdvKey', hashedadvertisementkey: 'hashedAdvKey',
  mac: 'macAddress', macaddress: 'macAddress',
}; // prettier-ignore

type Row = Partial<Record<Column, string>>;

function readCsv(text: string): KeyFile {
  let rows: { record: Row; info: { lines: number } }[];
  try {
    rows = parse(text, {
      bom: true,
      columns: columnsOf,
      delimiter: [',', ';', '\t'],
      trim: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as typeof rows;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw wrongFile(`it is no CSV from line ${(error as CsvError & { lines: number }).lines} on`);
  }
  return gather(rows.map(({ record, info }) => readRow(record, `line ${info.lines}`)));
}

function columnsOf(header: string[]): (Column | false)[] {
  const columns = header.map((title) => COLUMNS[title.toLowerCase().replaceAll(/[^a-z]/g, '')] ?? false);
  if (!columns.includes('name') || !columns.includes('privateKey')) {
    throw wrongFile(
      'it is no JSON, and as CSV its first line has to name the columns "name" and "private key" ' +
        '(and may name "advertisement key", "hashed adv key", "mac")',
    );
  }
  return columns;
}

function readRow(row: Row, place: string): KeyFileEntry | WrongEntry {
  if (!row.name) return { place, problem: 'it has no name' };
  const { name } = row;
  const key = PrivateKey.fromBase64(row.privateKey ?? '');
  if (!key) return { place, name, problem: NO_PRIVATE_KEY('private key') };
  for (const column of ['advertisementKey', 'hashedAdvKey'] as const) {
    if (row[column] && row[column] !== key[column]) {
      const title = column === 'advertisementKey' ? 'advertisement key' : 'hashed adv key';
      return { place, name, problem: `its private key does not belong to its ${title}` };
    }
  }
  return { place, name, keys: [key], ...(row.macAddress && { macAddress: row.macAddress }) };
}

/** Rows of one name are one tracker with several keys. */
function gather(rows: KeyFile): KeyFile {
  const entries = new Map<string, KeyFileEntry>();
  return rows.filter((row) => {
    if (!('keys' in row)) return true;
    const first = entries.get(row.name);
    if (!first) {
      entries.set(row.name, row);
      return true;
    }
    first.keys.push(...row.keys);
    if (row.macAddress !== undefined) first.macAddress ??= row.macAddress;
    return false;
  });
}
