import { parse, type CsvError } from 'csv-parse/sync';
import { DomainError } from '../common/errors/domain-error.js';
import { KEY_BYTES, PrivateKey } from './private-key.js';

/** A tracker in a key file. */
export interface KeyFileEntry {
  /** Position in the file: `device 2`, `line 7`. */
  position: string;
  name: string;
  macAddress?: string;
  /** The tracker is registered under the first one. */
  keys: PrivateKey[];
}

/** An entry that cannot be imported. */
export interface InvalidEntry {
  position: string;
  name?: string;
  /** Why it is invalid; never contains a key. */
  problem: string;
}

/** The entries of a key file, in its order. */
export type KeyFile = (KeyFileEntry | InvalidEntry)[];

/**
 * Reads a key file: macless-haystack's list of devices (JSON), or a CSV with the columns name, private key and,
 * optionally, advertisement key, hashed key and MAC address. The content determines the format.
 *
 * The text contains secrets, so no message quotes it or the message of a parser.
 *
 * @throws DomainError `BAD_USER_INPUT` when it is neither.
 */
export function readKeyFile(text: string): KeyFile {
  if (text.trim() === '') throw notAKeyFile('it is empty');
  return /^\uFEFF?\s*[[{]/.test(text) ? readDevices(text.replace(/^\uFEFF/, '')) : readCsv(text);
}

function notAKeyFile(problem: string): DomainError {
  return new DomainError('BAD_USER_INPUT', `Not a key file: ${problem}`);
}

function readDevices(text: string): KeyFile {
  let devices: unknown;
  try {
    devices = JSON.parse(text);
  } catch {
    throw notAKeyFile('it starts as JSON but is truncated or malformed');
  }
  const names = new Set<string>();
  return (Array.isArray(devices) ? devices : [devices]).map((device: unknown, i) => {
    const position = `device ${i + 1}`;
    if (typeof device !== 'object' || device === null)
      return { position, problem: 'not a device: must be an object' };
    const { name, privateKey, additionalKeys } = device as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') return { position, problem: 'name is missing' };
    const texts = [privateKey, ...(Array.isArray(additionalKeys) ? (additionalKeys as unknown[]) : [])];
    const keys = texts.map((key) =>
      typeof key === 'string' ? PrivateKey.fromBase64(key.trim()) : undefined,
    );
    const invalid = keys.indexOf(undefined);
    if (invalid === 0) return { position, name, problem: invalidPrivateKey('privateKey') };
    if (invalid > 0) return { position, name, problem: invalidPrivateKey(`additionalKeys[${invalid - 1}]`) };
    if (names.has(name))
      return { position, name, problem: 'name must be unique: another device in this file has the same one' };
    names.add(name);
    return { position, name, keys: keys as PrivateKey[] };
  });
}

const invalidPrivateKey = (field: string): string =>
  `${field} must be a P-224 private key: base64 of ${KEY_BYTES} bytes`;

type Column = 'name' | 'privateKey' | 'advertisementKey' | 'hashedAdvKey' | 'macAddress';

/** Columns by their titles in lower case, without spaces and punctuation. */
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
      columns: parseHeader,
      delimiter: [',', ';', '\t'],
      trim: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as typeof rows;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw notAKeyFile(`it is malformed CSV at line ${(error as CsvError & { lines: number }).lines}`);
  }
  return mergeRowsByName(rows.map(({ record, info }) => readRow(record, `line ${info.lines}`)));
}

function parseHeader(header: string[]): (Column | false)[] {
  const columns = header.map((title) => COLUMNS[title.toLowerCase().replaceAll(/[^a-z]/g, '')] ?? false);
  if (!columns.includes('name') || !columns.includes('privateKey')) {
    throw notAKeyFile(
      'it is not JSON, and as CSV its first line must name the columns "name" and "private key" ' +
        '(optional: "advertisement key", "hashed adv key", "mac")',
    );
  }
  return columns;
}

function readRow(row: Row, position: string): KeyFileEntry | InvalidEntry {
  if (!row.name) return { position, problem: 'name is missing' };
  const { name } = row;
  const key = PrivateKey.fromBase64(row.privateKey ?? '');
  if (!key) return { position, name, problem: invalidPrivateKey('private key') };
  for (const column of ['advertisementKey', 'hashedAdvKey'] as const) {
    if (row[column] && row[column] !== key[column]) {
      const title = column === 'advertisementKey' ? 'advertisement key' : 'hashed adv key';
      return { position, name, problem: `private key does not match ${title}` };
    }
  }
  return { position, name, keys: [key], ...(row.macAddress && { macAddress: row.macAddress }) };
}

/** Merges rows with the same name: one tracker with several keys. */
function mergeRowsByName(rows: KeyFile): KeyFile {
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
