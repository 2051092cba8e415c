import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { readAll, readPieces, type Reading } from './testing/read-all.js';

const MEGABYTE = 1_048_576;
/** Maximum growth of the memory in use while an input of 100 MB is read. */
const MAX_GROWTH = 24 * MEGABYTE;
const MEASURE_EVERY = 10 * MEGABYTE;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const LINE = '{"timestamp":"2025-06-17T08:30:00Z","latitude":53.86,"longitude":10.7}\n';
const MESSAGE = '{"_type":"location","lat":53.86,"lon":10.7,"tst":1709283789}';
const REC = `2024-03-01T09:03:09Z\t*\t${MESSAGE}\n`;
const RECORD = '{"latitudeE7":525121303,"longitudeE7":134309551,"timestamp":"2013-04-15T06:31:26.860Z"}';
const CSV = 'time,lat,lon,note\n2025-06-17T08:30:00Z,53.86,10.7,x\n';

/** Reads `before`, then `filler` repeated up to so many megabytes, then `after`, and measures the memory used. */
async function readLarge(
  before: string,
  filler: string,
  megabytes: number,
  after = '',
): Promise<Reading & { growth: number }> {
  const piece = Buffer.from(filler.repeat(Math.ceil(65_536 / filler.length)));
  const idle = memoryInUse();
  let peak = idle;
  function* pieces(): Generator<Buffer> {
    yield Buffer.from(before);
    for (let length = 0; length < megabytes * MEGABYTE; length += piece.length) {
      yield piece;
      if (length % MEASURE_EVERY < piece.length) {
        peak = Math.max(peak, memoryInUse());
      }
    }
    yield Buffer.from(after);
  }
  const reading = await readPieces(pieces());
  return { ...reading, growth: Math.max(peak, memoryInUse()) - idle };
}

function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a line of 100 MB', () => {
  it.each([
    ['NDJSON', LINE, '{"timestamp":"', `"}\n${LINE}`],
    ['.rec', REC, '2024-03-01T09:03:09Z\t*\t{"_type":"', `"}\n${REC}`],
  ])('is rejected, and the lines after it are read: %s', async (_, good, begin, end) => {
    const { reports, rejected, error, growth } = await readLarge(good + begin, 'x', 100, end);
    expect(error).toBeUndefined();
    expect(reports.map(({ position }) => position)).toEqual([1, 3]);
    expect(rejected).toMatchObject([{ position: 2, message: 'the line is longer than 1048576 characters' }]);
    expect(growth).toBeLessThan(MAX_GROWTH);
  });

  it.each([
    ['CSV, a field', CSV, 'x', 'line 3: the row that begins here is longer than 65536 bytes'],
    [
      'CSV, a quote',
      `${CSV}"`,
      'x\n',
      'line 3: the row that begins here is longer than 65536 bytes: is a " not closed?',
    ],
    ['CSV, fields', CSV, ',', 'line 3: the row that begins here is longer than 65536 bytes'],
    ['JSON, a text', `{"locations":[${RECORD},{"source":"`, 'x', 'more than 1048576 characters in one text'],
    ['JSON, a key', `{"locations":[${RECORD},{"`, 'x', 'more than 1048576 characters in one text'],
    [
      'JSON, a number',
      `{"locations":[${RECORD},{"latitudeE7":1`,
      '2',
      'more than 1048576 characters in one text',
    ],
    ['JSON, white space', `{"locations":[${RECORD},`, ' ', 'more than 1048576 characters in one text'],
    ['JSON, lists', `{"locations":[${RECORD},`, '[', 'lists and objects are nested more than 100 deep'],
    ['JSON, objects', `{"locations":[${RECORD},`, '{"a":', 'lists and objects are nested more than 100 deep'],
    [
      'GPX, a tag',
      '<gpx><trkpt lat="1" lon="2"><time>2025-06-17T08:30:00Z</time></trkpt><a ',
      'b="c" ',
      'more than 1048576 characters without a tag',
    ],
    [
      'GPX, a text',
      '<gpx><trkpt lat="1" lon="2"><time>2025-06-17T08:30:00Z</time></trkpt><a>',
      'x',
      'more than 1048576 characters without a tag',
    ],
    [
      'GPX, a DTD',
      '<gpx><trkpt lat="1" lon="2"><time>2025-06-17T08:30:00Z</time></trkpt><!--',
      'x',
      'more than 1048576 characters without a tag',
    ],
  ])(
    'ends the import with an error, after the items before it were read: %s',
    async (_, before, filler, message) => {
      const { reports, error, growth } = await readLarge(before, filler, 100);
      expect(reports).toHaveLength(1);
      expect(error?.code).toBe('BAD_USER_INPUT');
      expect(error?.message).toContain(message);
      expect(error?.details).toMatchObject({ source: 'walk', line: expect.any(Number) });
      expect(growth).toBeLessThan(MAX_GROWTH);
    },
  );
});

describe('a large JSON document', () => {
  it('is read in bounded memory, however much unrelated content it has', async () => {
    const { reports, error, growth } = await readLarge(
      `{"locations":[${RECORD}],"other":[`,
      `[{"a":"${'x'.repeat(4000)}"},1],`,
      100,
      `0],"more":{"locations":[${RECORD}]},"locations":[${RECORD}]}`,
    );
    expect(error).toBeUndefined();
    expect(reports).toHaveLength(2);
    expect(growth).toBeLessThan(MAX_GROWTH);
  });

  it('is read further after an item that is too large', async () => {
    const { reports, rejected, error, growth } = await readLarge(
      `{"locations":[${RECORD},{"latitudeE7":1,"activity":[`,
      `{"type":"${'x'.repeat(500)}"},`,
      10,
      `0]},\n${RECORD}]}`,
    );
    expect(error).toBeUndefined();
    expect(reports.map(({ position }) => position)).toEqual([1, 2]);
    expect(rejected).toEqual([
      {
        position: 1,
        reason: 'undecodable',
        message: 'locations[1]: the item is longer than 8388608 characters',
      },
    ]);
    expect(growth).toBeLessThan(2 * MAX_GROWTH); // an item is kept in memory until it is known to be too large
  });
});

describe('values that are slow for regular expressions', () => {
  const LONG = [
    '9'.repeat(500_000),
    ' '.repeat(500_000) + 'x',
    `1${' '.repeat(500_000)}Z`,
    '1.'.repeat(250_000),
  ];

  it.each([
    [
      'records',
      (value: string) =>
        `{"locations":[{"latitudeE7":"${value}","longitudeE7":1,"timestamp":"2013-04-15T06:31:26Z"},{"timestamp":"${value}"},{"timestampMs":"${value}"}]}`,
    ],
    [
      'timeline',
      (value: string) =>
        `[{"startTime":"2013-04-15T06:31:26Z","timelinePath":[{"point":"${value}","time":"2013-04-15T06:31:26Z"},{"point":"geo:1,2","durationMinutesOffsetFromStartTime":"${value}"},{"time":"${value}"}]}]`,
    ],
    [
      'csv',
      (value: string) =>
        ['lat', 'lon', 'time']
          .map((_, i) => ['1', '2', '3'].with(i, value.slice(0, 60_000)).join(','))
          .reduce((a, b) => `${a}\n${b}`, 'lat,lon,time'),
    ],
    [
      '.rec',
      (value: string) =>
        `2024-03-01T09:03:09Z\t*\t{"_type":"location","tst":"${value}","lat":1,"lon":1}\n2024-03-01T09:03:09Z ${value}\n${value}\n`,
    ],
  ])('are rejected at once: %s', async (_, content) => {
    for (const value of LONG) {
      const { rejected } = await readAll(content(value));
      expect(rejected.length).toBeGreaterThanOrEqual(2);
    }
  });
});
