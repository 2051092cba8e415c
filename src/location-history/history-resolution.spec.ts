import { describe, expect, it } from '@jest/globals';
import { chooseResolution, HistoryResolution } from './history-resolution.js';

const { AUTO, RAW, HOURLY, DAILY } = HistoryResolution;
const HOUR = 3_600_000;

describe('chooseResolution', () => {
  const rangeOf = (hours: number): { start: Date; end: Date } => ({
    start: new Date('2025-01-01T00:00:00Z'),
    end: new Date(Date.parse('2025-01-01T00:00:00Z') + hours * HOUR),
  });

  it.each([
    [6, RAW],
    [6.1, HOURLY],
    [7 * 24, HOURLY],
    [7 * 24 + 0.1, DAILY],
  ])('chooses by the length of the range for AUTO: %d hours', (hours, expected) => {
    expect(chooseResolution(AUTO, rangeOf(hours))).toBe(expected);
    expect(chooseResolution(AUTO, rangeOf(hours), true)).toBe(DAILY);
  });

  it('ignores the part of a range that is in the future', () => {
    const start = new Date(Date.now() - HOUR);
    expect(chooseResolution(AUTO, { start, end: new Date('9999-01-01T00:00:00Z') })).toBe(RAW);
  });

  it.each([RAW, HOURLY, DAILY])(
    'keeps %s when requested, and allows a time zone for DAILY only',
    (requested) => {
      expect(chooseResolution(requested, rangeOf(1))).toBe(requested);
      if (requested === DAILY) expect(chooseResolution(requested, rangeOf(1), true)).toBe(DAILY);
      else {
        expect(() => chooseResolution(requested, rangeOf(1), true)).toThrow(
          `timeZone requires the resolution DAILY or AUTO, not ${requested}`,
        );
      }
    },
  );
});
