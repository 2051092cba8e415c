import { describe, expect, it } from '@jest/globals';
import { HistoryResolution, resolve } from './history-resolution.js';

const { AUTO, RAW, HOURLY, DAILY } = HistoryResolution;
const HOUR = 3_600_000;

describe('the resolution of an answer', () => {
  const rangeOf = (hours: number): { start: Date; end: Date } => ({
    start: new Date('2025-01-01T00:00:00Z'),
    end: new Date(Date.parse('2025-01-01T00:00:00Z') + hours * HOUR),
  });

  it.each([
    [6, RAW],
    [6.1, HOURLY],
    [7 * 24, HOURLY],
    [7 * 24 + 0.1, DAILY],
  ])('is by the range where it is not asked for: %d hours', (hours, expected) => {
    expect(resolve(AUTO, rangeOf(hours))).toBe(expected);
    expect(resolve(AUTO, rangeOf(hours), true)).toBe(DAILY);
  });

  it('is by what there is of it, not by an end that lies ahead', () => {
    const start = new Date(Date.now() - HOUR);
    expect(resolve(AUTO, { start, end: new Date('9999-01-01T00:00:00Z') })).toBe(RAW);
  });

  it.each([RAW, HOURLY, DAILY])(
    'is %s where that is asked for, and days alone go with a time zone',
    (asked) => {
      expect(resolve(asked, rangeOf(1))).toBe(asked);
      if (asked === DAILY) expect(resolve(asked, rangeOf(1), true)).toBe(DAILY);
      else
        expect(() => resolve(asked, rangeOf(1), true)).toThrow(`timeZone goes with days, not with ${asked}`);
    },
  );
});
