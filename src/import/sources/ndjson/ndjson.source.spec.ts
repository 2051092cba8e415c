import { describe, expect, it } from '@jest/globals';
import { MAX_LINE } from '../lines.source.js';
import { readAll } from '../testing/read-all.js';

const GOOD = '{"timestamp":"2025-06-17T08:30:00.5Z","latitude":53.86,"longitude":10.7}';
const DECODED = { timestamp: '2025-06-17T08:30:00.500Z', latitude: 53.86, longitude: 10.7 };

describe('NdjsonSource', () => {
  it('parses all fields, and leaves out missing ones and nulls', async () => {
    const full = {
      timestamp: 1709283789,
      latitude: -1,
      longitude: 180,
      tracker: 'Schlüssel',
      hashedAdvKey: 'q83v',
      confidence: 3,
      horizontalAccuracy: 12.5,
      status: 0,
      nearestCity: 'Lübeck',
      altitude: -3.5,
      speed: 1.25,
      course: 359.9,
      battery: 87,
      motion: 'cycling',
    };
    const { reports, rejected } = await readAll(
      `${JSON.stringify({ ...full, extra: [1] })}\n${GOOD.replace('}', ',"tracker":null,"status":null,"altitude":null,"battery":null,"motion":null}')}\n`,
    );
    expect(reports).toEqual([
      { ...full, position: 1, timestamp: '2024-03-01T09:03:09.000Z' },
      { ...DECODED, position: 2 },
    ]);
    expect(reports[1]).not.toHaveProperty('tracker');
    expect(rejected).toEqual([]);
  });

  it('passes out-of-range telemetry on; the database rejects it', async () => {
    const telemetry = { altitude: 1e6, speed: -1, course: 360, battery: 101 };
    const { reports, rejected } = await readAll(JSON.stringify({ ...JSON.parse(GOOD), ...telemetry }));
    expect(rejected).toEqual([]);
    expect(reports).toEqual([{ ...DECODED, ...telemetry, position: 1 }]);
  });

  it.each(['stationary', 'walking', 'running', 'cycling', 'driving'])(
    'accepts the motion %s',
    async (motion) => {
      const { reports } = await readAll(GOOD.replace('}', `,"motion":"${motion}"}`));
      expect(reports).toEqual([{ ...DECODED, position: 1, motion }]);
    },
  );

  it('counts lines across a byte order mark, CRLF, blank and rejected lines, and a last line without end', async () => {
    const { reports, rejected } = await readAll(`\uFEFF\r\n${GOOD}\r\n  \r\n\n[1]\r\n${GOOD}`, 7);
    expect(reports.map(({ position }) => position)).toEqual([2, 6]);
    expect(rejected).toMatchObject([
      { position: 5, reason: 'undecodable', message: 'the line must be a JSON object (got a list)' },
    ]);
  });

  it.each(
    (
      [
        ['{"latitude":1,"longitude":1}', 'no_time', 'timestamp is missing'],
        ['{"timestamp":1,"longitude":1}', 'no_position', 'latitude is missing'],
        ['{"timestamp":1,"latitude":1}', 'no_position', 'longitude is missing'],
        [
          '{"timestamp":1,"latitude":null,"longitude":1}',
          'undecodable',
          'latitude must be a number (got null)',
        ],
        [
          '{"timestamp":1,"latitude":"53.8","longitude":1}',
          'undecodable',
          'latitude must be a number (got "53.8")',
        ],
        ['{"timestamp":1,"latitude":1,"longitude":1e999}', 'undecodable', 'longitude is too large'],
        ['{"timestamp":1,"latitude":NaN,"longitude":1}', 'undecodable', 'not JSON'],
        [
          '{"timestamp":true,"latitude":1,"longitude":1}',
          'undecodable',
          'timestamp must be text or a number (got true)',
        ],
        ['{"timestamp":"2025-06-17T08:30:00","latitude":1,"longitude":1}', 'undecodable', 'has no offset'],
        [
          '{"timestamp":"1709283789","latitude":1,"longitude":1}',
          'undecodable',
          'timestamp must be a time like 2025-06-17T08:30:00Z (got "1709283789")',
        ],
        [
          GOOD.replace('}', ',"confidence":1.5}'),
          'undecodable',
          'confidence must be a 32-bit whole number (got 1.5)',
        ],
        [GOOD.replace('}', ',"status":1e300}'), 'undecodable', 'status must be a 32-bit whole number'],
        [
          GOOD.replace('}', ',"horizontalAccuracy":"5"}'),
          'undecodable',
          'horizontalAccuracy must be a number',
        ],
        [GOOD.replace('}', ',"altitude":"5"}'), 'undecodable', 'altitude must be a number (got "5")'],
        [GOOD.replace('}', ',"speed":1e999}'), 'undecodable', 'speed is too large for a number'],
        [GOOD.replace('}', ',"course":[1]}'), 'undecodable', 'course must be a number (got a list)'],
        [GOOD.replace('}', ',"battery":"50"}'), 'undecodable', 'battery must be a number (got "50")'],
        [
          GOOD.replace('}', ',"battery":50.5}'),
          'undecodable',
          'battery must be a whole number from 0 to 100 (got 50.5)',
        ],
        [
          GOOD.replace('}', ',"battery":32768}'),
          'undecodable',
          'battery must be a whole number from 0 to 100 (got 32768)',
        ],
        [
          GOOD.replace('}', ',"motion":"Driving"}'),
          'undecodable',
          'motion must be one of stationary, walking, running, cycling, driving (got "Driving")',
        ],
        [GOOD.replace('}', ',"motion":""}'), 'undecodable', 'driving (got "")'],
        [GOOD.replace('}', ',"motion":["walking"]}'), 'undecodable', 'driving (got a list)'],
        [GOOD.replace('}', ',"tracker":7}'), 'undecodable', 'tracker must be text (got 7)'],
        [GOOD.replace('}', ',"tracker":""}'), 'undecodable', 'tracker is empty'],
        [
          GOOD.replace('}', ',"tracker":"a\\u0000b"}'),
          'undecodable',
          'tracker must be valid UTF-8 text (got "a\\u0000b")',
        ],
        [GOOD.replace('}', ',"nearestCity":"\\ud800"}'), 'undecodable', 'nearestCity'],
        [
          GOOD.replace('}', `,"hashedAdvKey":"${'k'.repeat(201)}"}`),
          'undecodable',
          'hashedAdvKey is longer than 200 characters',
        ],
        [
          GOOD.replace('}', `,"nearestCity":"${'c'.repeat(201)}"}`),
          'undecodable',
          'nearestCity is longer than 200 characters',
        ],
        ['"text"', 'undecodable', 'must be a JSON object (got "text")'],
        ['{"timestamp":1,"latitude":1,"longi', 'undecodable', 'not JSON'],
        ['{"\u0007', 'undecodable', 'not JSON'],
        ['['.repeat(MAX_LINE), 'undecodable', 'not JSON'],
        [`${'{"a":'.repeat(200_000)}1`, 'undecodable', 'not JSON'],
      ] as const
    ).map(([item, reason, message]) => ({ item, reason, message })),
  )('rejects an invalid line and continues: $reason, $message', async ({ item, reason, message }) => {
    const { reports, rejected } = await readAll(`${GOOD}\n${item}\n${GOOD}\n`);
    expect(reports.map(({ position }) => position)).toEqual([1, 3]);
    expect(rejected).toMatchObject([{ position: 2, reason, message: expect.stringContaining(message) }]);

    expect(rejected[0]?.message).toMatch(/^[^\u0000-\u001f]{1,400}$/);
  });

  it('keeps the text of rejected lines, or its beginning', async () => {
    const { rejected } = await readAll(`{"a":1}\n[${'1,'.repeat(2000)}1]\n`);
    expect(rejected.map(({ rawText }) => rawText)).toEqual([
      '{"a":1}',
      `[${'1,'.repeat(2000)}`.slice(0, 2000),
    ]);
  });

  it('rejects a truncated last line', async () => {
    const { reports, rejected, error } = await readAll(`${GOOD}\n${GOOD.slice(0, 40)}`);
    expect(reports).toHaveLength(1);
    expect(rejected).toMatchObject([{ position: 2, reason: 'undecodable' }]);
    expect(error).toBeUndefined();
  });

  it('rejects a text field with invalid UTF-8', async () => {
    const latin1 = Buffer.from(`${GOOD.replace('}', ',"nearestCity":"L\u00fcbeck"}')}\n${GOOD}\n`, 'latin1');
    const { reports, rejected } = await readAll(latin1);
    expect(reports).toEqual([{ ...DECODED, position: 2 }]);
    expect(rejected).toMatchObject([
      { position: 1, message: expect.stringContaining('must be valid UTF-8 text') },
    ]);
  });

  it('reads a character that arrives in two chunks', async () => {
    const { reports } = await readAll(`${GOOD.replace('}', ',"nearestCity":"Łódź 🏙"}')}\n`, 1);
    expect(reports[0]?.nearestCity).toBe('Łódź 🏙');
  });

  it('rejects a line that is too long, with its number, and accepts the longest line allowed', async () => {
    const fits = GOOD.replace('{', `{${' '.repeat(MAX_LINE - GOOD.length)}`);
    const { reports, rejected } = await readAll(`${GOOD}\n${fits} \n${fits}\n${GOOD}\n${fits} `);
    expect(reports.map(({ position }) => position)).toEqual([1, 3, 4]);
    expect(rejected.map(({ position }) => position)).toEqual([2, 5]);
    expect(rejected[0]?.message).toBe(`the line is longer than ${MAX_LINE} characters`);
  });
});
