import { describe, expect, it } from '@jest/globals';
import { readAll } from '../testing/read-all.js';

const records = (...locations: unknown[]): string => JSON.stringify({ locations });
const GOOD = { latitudeE7: 525121303, longitudeE7: 134309551, timestamp: '2013-04-15T06:31:26.860Z' };
const DECODED = {
  position: 1,
  timestamp: '2013-04-15T06:31:26.860Z',
  latitude: 52.5121303,
  longitude: 13.4309551,
};

describe('Google Records.json', () => {
  it('yields each record, with its deviceTag as the tracker', async () => {
    const { format, reports } = await readAll(
      records({
        ...GOOD,
        accuracy: 25,
        deviceTag: -1543210987,
        activity: [{ timestamp: 'x', activity: [{ type: 'STILL' }] }],
      }),
    );
    expect(format).toBe('google-records');
    expect(reports).toEqual([
      { ...DECODED, tracker: '-1543210987', horizontalAccuracy: 25, motion: 'stationary' },
    ]);
  });

  it('reads altitude, velocity and heading, if known', async () => {
    const { reports, rejected } = await readAll(
      records(
        { ...GOOD, altitude: 42, verticalAccuracy: 2, velocity: 3, heading: 350 },
        { ...GOOD, activitys: [{ activities: [{ type: 'onBicycle', confidence: 80 }] }] },
        { ...GOOD, altitude: 5e5, velocity: -1, heading: 400 },
        { ...GOOD, altitude: 'x', velocity: null, heading: [], activity: {} },
      ),
    );
    expect(rejected).toEqual([]);
    expect(reports).toEqual([
      { ...DECODED, altitude: 42, speed: 3, course: 350 },
      { ...DECODED, motion: 'cycling' },
      DECODED,
      DECODED,
    ]);
  });

  it.each([
    [
      'a time in milliseconds, as text',
      { ...GOOD, timestamp: undefined, timestampMs: '1366007486860' },
      DECODED,
    ],
    [
      'a time in milliseconds, of 1970',
      { ...GOOD, timestamp: undefined, timestampMs: 5 },
      { ...DECODED, timestamp: '1970-01-01T00:00:00.005Z' },
    ],
    ['both times', { ...GOOD, timestampMs: '5' }, DECODED],
    [
      'negative degrees as an unsigned number',
      { ...GOOD, longitudeE7: 4160657746 },
      { ...DECODED, longitude: -13.430955 },
    ],
    [
      'negative degrees as an unsigned and as a signed number',
      { ...GOOD, latitudeE7: 4160657746, longitudeE7: -1 },
      { ...DECODED, latitude: -13.430955, longitude: -1e-7 },
    ],
    ['180 degrees', { ...GOOD, longitudeE7: 1_800_000_000 }, { ...DECODED, longitude: 180 }],
    ['numbers as text', { ...GOOD, latitudeE7: '525121303' }, DECODED],
  ])('reads %s', async (_, record, expected) => {
    const { reports, rejected } = await readAll(records(GOOD, record));
    expect(rejected).toEqual([]);
    expect(reports[1]).toEqual(expected);
  });

  it.each(
    (
      [
        [{ ...GOOD, timestamp: undefined }, 'no_time', 'timestamp is missing'],
        [{ ...GOOD, latitudeE7: undefined }, 'no_position', 'latitudeE7 is missing'],
        [{ timestampMs: '1366007486860', activity: [] }, 'no_position', 'latitudeE7 is missing'],
        [
          { ...GOOD, longitudeE7: [1] },
          'undecodable',
          'longitudeE7 must be a number like 538633000 (got a list)',
        ],
        [
          { ...GOOD, timestamp: '', timestampMs: '1e3' },
          'undecodable',
          'timestampMs must be a number of milliseconds (got "1e3")',
        ],
        [
          { ...GOOD, timestamp: '', timestampMs: '9'.repeat(30) },
          'undecodable',
          'must be in the years 1 to 9999',
        ],
        [{ ...GOOD, deviceTag: 'a\u0000b' }, 'undecodable', 'deviceTag'],
        ['text', 'undecodable', 'the record must be an object (got "text")'],
        [[1], 'undecodable', 'the record must be an object (got a list)'],
      ] as const
    ).map(([item, reason, message]) => ({ item, reason, message })),
  )('rejects: $reason, $message', async ({ item, reason, message }) => {
    const { reports, rejected } = await readAll(records(GOOD, item, GOOD));
    expect(reports).toHaveLength(2);
    expect(rejected).toMatchObject([{ position: 1, reason, message: expect.stringContaining(message) }]);
    expect(rejected[0]?.message).toMatch(/^locations\[1\]: /);
  });

  it('keeps the text of rejected records, unless they are large', async () => {
    const { rejected } = await readAll(records({ latitudeE7: 1 }, { activity: 'x'.repeat(3000) }, 7));
    expect(rejected.map(({ rawText }) => rawText)).toEqual(['{"latitudeE7":1}', undefined, '7']);
  });
});
