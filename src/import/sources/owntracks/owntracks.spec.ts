import { describe, expect, it } from '@jest/globals';
import { readAll } from '../testing/read-all.js';

const LOCATION = {
  _type: 'location',
  tid: 'RO',
  topic: 'owntracks/jane/iPhone 12 Pro',
  tst: 1709283789,
  created_at: 1709289999,
  lat: 52.225,
  lon: 13.332,
  acc: 10,
  vel: 5,
};
const DECODED = {
  position: 1,
  timestamp: '2024-03-01T09:03:09.000Z',
  latitude: 52.225,
  longitude: 13.332,
  horizontalAccuracy: 10,
  tracker: 'jane/iPhone 12 Pro',
  speed: 1.389,
};
const rec = (message: unknown, kind = '*', gap = '\t'): string =>
  `2024-03-01T17:46:02Z${gap}${kind.padEnd(18)}${gap}${typeof message === 'string' ? message : JSON.stringify(message)}\n`;

describe('an OwnTracks Recorder file', () => {
  it('yields locations with their own time, and with user and device from the topic', async () => {
    const { format, reports, rejected } = await readAll(
      rec(LOCATION) + rec(LOCATION, '*', '  ') + `\r\n${rec(LOCATION)}`,
    );
    expect(format).toBe('owntracks');
    expect(reports).toEqual([1, 2, 4].map((position) => ({ ...DECODED, position })));
    expect(rejected).toEqual([]);
  });

  it('rejects every other kind of line, and continues', async () => {
    const { reports, rejected } = await readAll(
      [
        rec(LOCATION),
        rec({ _type: 'lwt', tst: 1717459208 }, 'lwt'),
        rec({ ...LOCATION, _type: 'transition', event: 'enter' }, 'event'),
        rec({ ...LOCATION, _type: 'waypoint', rad: 50 }, 'waypoints'),
        rec({ _type: 'encrypted', data: 'SECRET' }),
        rec('1', 'status'),
        rec('not json'),
        rec({ ...LOCATION, tst: undefined }),
        rec({ ...LOCATION, lat: undefined }),
        rec({ ...LOCATION, lon: true }),
        'half a line\n',
        rec(LOCATION).slice(0, 90),
      ].join(''),
    );
    expect(reports).toHaveLength(1);
    expect(rejected.map(({ position, reason, message }) => `${position} ${reason} ${message}`)).toEqual([
      '2 not_a_report the message is not a location: its _type is "lwt"',
      '3 not_a_report the message is not a location: its _type is "transition"',
      '4 not_a_report the message is not a location: its _type is "waypoint"',
      '5 not_a_report the message is encrypted: decrypt it with its secret first',
      '6 not_a_report the line is not a location: its kind is "status"',
      expect.stringMatching(/^7 undecodable the line is not JSON: /),
      '8 no_time tst is missing',
      '9 no_position lat is missing',
      '10 undecodable lon must be a number like 53.8633 (got true)',
      '11 undecodable the line must be a time, a kind and a message, separated by tabs',
      expect.stringMatching(/^12 undecodable the line is not JSON: /),
    ]);
  });

  it.each([
    [{ topic: undefined }, undefined],
    [{ topic: undefined, username: 'jane', device: 'phone' }, 'jane/phone'],
    [{ topic: 'home/owntracks/jane/phone' }, 'jane/phone'],
    [{ topic: 'phone' }, 'phone'],
    [{ topic: '' }, undefined],
  ])('never uses tid as the tracker: %j', async (fields, tracker) => {
    const { reports } = await readAll(rec({ ...LOCATION, ...fields }));
    expect(reports[0]?.tracker).toBe(tracker);
    expect(reports).toHaveLength(1);
  });

  it('reads telemetry, and converts the speed from km/h', async () => {
    const fields = {
      alt: 36,
      vac: 3,
      vel: 54,
      cog: 98,
      batt: 94,
      motionactivities: ['unknown', 'automotive'],
    };
    const { reports } = await readAll(rec({ ...LOCATION, ...fields }));
    expect(reports).toEqual([
      { ...DECODED, altitude: 36, speed: 15, course: 98, battery: 94, motion: 'driving' },
    ]);
  });

  it.each([
    ['unknown', { alt: 0, vac: -1, vel: -1, cog: -1, batt: -1, motionactivities: [] }],
    ['unknown, after unit conversion', { vel: -4, batt: -100, motionactivities: ['-'] }],
    ['missing', { vel: undefined }],
    ['null', { alt: null, vel: null, cog: null, batt: null, motionactivities: null }],
    ['out of range', { alt: 1e6, vel: 3601, cog: 361, batt: 101, motionactivities: ['flying'] }],
    ['of the wrong type', { alt: 'high', vel: [5], cog: {}, batt: true, motionactivities: 5 }],
  ])('leaves out telemetry that is %s, but keeps the position', async (_, fields) => {
    const { reports, rejected } = await readAll(rec({ ...LOCATION, ...fields }));
    const { speed, ...rest } = DECODED;
    expect(speed).toBe(1.389);
    expect(rejected).toEqual([]);
    expect(reports).toEqual([rest]);
    expect(Object.keys(reports[0] ?? {})).toHaveLength(Object.keys(rest).length);
  });

  it.each(
    (
      [
        ['stationary', 'stationary'],
        ['walking', 'walking'],
        ['running', 'running'],
        ['cycling', 'cycling'],
        ['automotive', 'driving'],
      ] as const
    ).map(([activity, motion]) => ({ activity, motion })),
  )('reads the activity $activity as $motion', async ({ activity, motion }) => {
    const { reports } = await readAll(rec({ ...LOCATION, motionactivities: [activity] }));
    expect(reports).toEqual([{ ...DECODED, motion }]);
  });

  it('is detected by any of its first lines', async () => {
    expect((await readAll(`{"half a line\n${rec(LOCATION)}`)).error?.message).toBeUndefined();
    const { format, reports } = await readAll(`z\t*\t{}\n${rec(LOCATION)}`);
    expect({ format, reports: reports.length }).toEqual({ format: 'owntracks', reports: 1 });
  });
});

describe('OwnTracks JSON', () => {
  const message = JSON.stringify(LOCATION);

  it.each([
    ['a message', message, [1]],
    ['a message on several lines', JSON.stringify(LOCATION, null, 2), [1]],
    ['one message per line', `${message}\n${message}\n`, [1, 2]],
    ['a list', `[${message},\n${message}]`, [1, 2]],
    ['the output of ocat', `{"count":2,"locations":[${message},\n${message}]}`, [1, 2]],
    ['the output of ocat, in another order', `{"locations":[\n${message}],"count":1}`, [2]],
  ])('is read as %s', async (_, content, positions) => {
    for (const chunkSize of [7, 65_536]) {
      const { format, reports, rejected, error } = await readAll(content, chunkSize);
      expect({ format, rejected, error }).toEqual({ format: 'owntracks', rejected: [], error: undefined });
      expect(reports).toEqual(positions.map((position) => ({ ...DECODED, position })));
    }
  });

  it('is read without _type in lists of the Recorder', async () => {
    const { reports } = await readAll(
      '{"count":1,"locations":[{"tst":1709283789,"lat":52.225,"lon":13.332,"acc":10}]}',
    );
    expect(reports).toEqual([{ ...DECODED, tracker: undefined, speed: undefined }]);
    expect(reports[0]).not.toHaveProperty('tracker');
  });

  it('rejects an invalid line among messages, and continues', async () => {
    for (const content of [
      `${message}\n{"_type":"loc\n${message}\n`,
      `{"_type":"loc\n${message}\n${message}\n`,
    ]) {
      const { format, reports, rejected } = await readAll(content);
      expect({ format, reports: reports.length }).toEqual({ format: 'owntracks', reports: 2 });
      expect(rejected).toMatchObject([{ reason: 'undecodable' }]);
    }
  });

  it('rejects an encrypted message with the reason', async () => {
    const { rejected } = await readAll('{"_type":"encrypted","data":"x"}');
    expect(rejected).toMatchObject([
      { reason: 'not_a_report', message: expect.stringContaining('encrypted') },
    ]);
  });
});
