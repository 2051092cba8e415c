import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { REAL_FILES, REAL_FOLDER, SKIP_REAL_FILES } from '../../../test/support/real-files.js';
import { Random } from '../../../test/support/random.js';
import { readAll } from './testing/read-all.js';

const ROUNDS = 20;
const TELEMETRY = ['altitude', 'speed', 'course', 'battery', 'motion'] as const;

(REAL_FOLDER === undefined ? describe.skip : describe)(`real files${SKIP_REAL_FILES ?? ''}`, () => {
  const bytesOf = (name: string): Promise<Buffer> => readFile(join(REAL_FOLDER ?? '', name));

  it.each(REAL_FILES)(
    '$name: yields as many reports as an independent count',
    async ({ name, format, count }) => {
      const bytes = await bytesOf(name);
      const expected = count(bytes.toString());
      expect(expected.reports).toBeGreaterThan(0);
      for (const content of [bytes, gzipSync(bytes)]) {
        const reading = await readAll(content);
        expect({ format: reading.format, error: reading.error }).toEqual({ format, error: undefined });
        expect({
          reports: reading.reports.length,
          instants: new Set(reading.reports.map(({ timestamp }) => timestamp)).size,
          others: reading.rejected.length,
          devices: [...new Set(reading.reports.flatMap(({ tracker }) => tracker ?? []))],
        }).toEqual(expected);
      }
    },
  );

  // Counted with `grep -c`. Overland's altitude has a vertical accuracy of -1, so it is invalid.
  it.each([
    ['gpslogger-2025-05-31.gpx', { altitude: 2567, speed: 678, course: 175 }],
    ['gpslogger-2025-06-17.gpx', { altitude: 2289, speed: 51, course: 12 }],
    ['google-records.json', { motion: 47 }],
    ['owntracks-2024-03.rec', { altitude: 9, speed: 9, course: 8, battery: 9 }],
    ['overland.json', { speed: 1, battery: 1, motion: 1 }],
  ])('reads the telemetry of %s', async (name, expected) => {
    const { reports } = await readAll(await bytesOf(name));
    const counts = TELEMETRY.map((field) => [field, reports.filter((report) => field in report).length]);
    expect(Object.fromEntries(counts.filter(([, count]) => count !== 0))).toEqual(expected);
  });

  it.each(REAL_FILES)('$name: yields everything before a truncation', async ({ name }) => {
    const bytes = await bytesOf(name);
    const whole = await readAll(bytes);
    const random = new Random(name.length);
    for (let round = 0; round < ROUNDS; round++) {
      const at = 1 + random.int(bytes.length - 2);
      const truncated = await readAll(bytes.subarray(0, at));
      expect(truncated.reports).toEqual(whole.reports.slice(0, truncated.reports.length));
      const line = bytes.subarray(0, at).toString().split('\n').length;
      const before = whole.reports.filter(({ position }) => position < line);
      // A JSON or GPX item may start on an earlier line than it ends on.
      expect(truncated.reports.length).toBeGreaterThanOrEqual(before.length - 1);
      if (name.endsWith('.rec')) {
        expect(
          truncated.rejected.some(({ position, reason }) => position === line && reason === 'undecodable'),
        ).toBe(bytes[at - 1] !== 10 && bytes[at] !== 10);
      } else {
        expect(truncated.error?.message).toMatch(
          new RegExp(`line ${line}, column \\d+: the file is truncated`),
        );
      }
    }
  });
});
