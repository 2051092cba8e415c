import { describe, expect, it } from '@jest/globals';
import { IncomingBatch } from './incoming-batch.js';
import type { SourceReport } from './report-source.js';

const REPORT: SourceReport = {
  position: 7,
  timestamp: '2025-06-17T08:30:00.000Z',
  latitude: 50.5,
  longitude: -8,
};
const text = (rows: readonly Buffer[]): string => Buffer.concat([...rows]).toString();

describe('IncomingBatch', () => {
  it('starts empty', () => {
    const batch = new IncomingBatch('ndjson');
    expect(batch).toMatchObject({ size: 0, length: 0, lastPosition: null });
    expect([batch.incomingRows(), batch.rejectedRows()]).toEqual([[], []]);
  });

  it('writes reports in COPY text format, and escapes characters that would end a field or row', () => {
    const batch = new IncomingBatch('a\tb');
    batch.add(
      { ...REPORT, confidence: 2, horizontalAccuracy: 7.5, status: 32, nearestCity: 'Köln\n\\N' },
      'k\r',
    );
    batch.add(
      { ...REPORT, position: 5, altitude: -1.5, speed: 0, course: 359.9, battery: 100, motion: 'driving' },
      '\\.',
    );
    expect(text(batch.incomingRows())).toBe(
      '7\tk\\r\t2025-06-17T08:30:00.000Z\t50.5\t-8\t2\t7.5\t32\tKöln\\n\\\\N\ta\\tb\t\\N\t\\N\t\\N\t\\N\t\\N\n' +
        '5\t\\\\.\t2025-06-17T08:30:00.000Z\t50.5\t-8\t\\N\t\\N\t\\N\t\\N\ta\\tb\t-1.5\t0\t359.9\t100\tdriving\n',
    );
    expect(batch).toMatchObject({ size: 2, reports: 2, items: 0, lastPosition: 7 });
  });

  it('writes rejected reports and items separately, and counts both', () => {
    const batch = new IncomingBatch('ndjson');
    batch.reject({ ...REPORT, tracker: 'a\tb', battery: 7, speed: 1.25 }, 'unknown_tracker', 'nobody');
    batch.rejectItem({ position: 9, reason: 'undecodable', message: 'no JSON', rawText: '{"a"\0' });
    batch.rejectItem({ position: 8, reason: 'no_time', message: 'timestamp is missing' });
    expect(text(batch.rejectedRows())).toBe(
      '7\t\\N\t2025-06-17T08:30:00.000Z\t50.5\t-8\t\\N\t\\N\t\\N\t\\N\tndjson\t\\N\t1.25\t\\N\t7\t\\N\tunknown_tracker\tnobody\ta\\tb\t\\N\n' +
        `9${'\t\\N'.repeat(8)}\tndjson${'\t\\N'.repeat(5)}\tundecodable\tno JSON\t\\N\t{"a"\uFFFD\n` +
        `8${'\t\\N'.repeat(8)}\tndjson${'\t\\N'.repeat(5)}\tno_time\ttimestamp is missing\t\\N\t\\N\n`,
    );
    expect(batch).toMatchObject({ size: 3, reports: 1, items: 2, lastPosition: 9 });
  });

  it('truncates unchecked text', () => {
    const batch = new IncomingBatch('ndjson');
    const long = 'x'.repeat(100_000);
    batch.reject({ ...REPORT, tracker: long, hashedAdvKey: long, nearestCity: long }, 'undecodable', long);
    batch.rejectItem({ position: 1, reason: 'undecodable', message: long, rawText: long });
    expect(batch.length).toBeLessThan(5000);
  });

  it('can be cleared and reused, with more or fewer rows than before', () => {
    const batch = new IncomingBatch('ndjson');
    for (const [count, city] of [
      [5000, 'Oslo'],
      [3, '奥'],
      [4000, '奥斯陆'.repeat(20)],
    ] as const) {
      const fresh = new IncomingBatch('ndjson');
      batch.clear();
      for (const each of [batch, fresh]) {
        for (let i = 0; i < count; i++) each.add({ ...REPORT, position: i, nearestCity: city }, 'key');
        each.rejectItem({ position: 9, reason: 'undecodable', message: 'no JSON' });
      }
      expect(batch).toMatchObject({
        size: count + 1,
        length: fresh.length,
        lastPosition: fresh.lastPosition,
      });
      expect(text(batch.incomingRows())).toBe(text(fresh.incomingRows()));
      expect(text(batch.rejectedRows())).toBe(text(fresh.rejectedRows()));
    }
  });

  it('returns a long batch in pieces', () => {
    const batch = new IncomingBatch('ndjson');
    for (let i = 0; i < 5000; i++) batch.add({ ...REPORT, position: i }, 'key');
    const pieces = batch.incomingRows();
    expect(pieces.length).toBeGreaterThan(2);
    expect(text(pieces).split('\n')).toHaveLength(5001);
  });
});
