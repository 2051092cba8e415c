import { describe, expect, it } from '@jest/globals';
import { timeRange } from './time-range.js';

const MIDNIGHT = new Date('2025-01-01T00:00:00Z');
const after = (ms: number): Date => new Date(MIDNIGHT.getTime() + ms);

describe('timeRange', () => {
  it('accepts any non-empty range', () => {
    expect(timeRange(MIDNIGHT, after(1))).toEqual({ start: MIDNIGHT, end: after(1) });
    expect(timeRange(new Date(-8.64e15), new Date(8.64e15))).toBeDefined();
  });

  it.each([
    ['is empty', MIDNIGHT, '2025-01-01T00:00:00.000Z'],
    ['ends before it starts', after(-1), '2024-12-31T23:59:59.999Z'],
  ])('rejects a range that %s', (_, end, shown) => {
    expect(() => timeRange(MIDNIGHT, end)).toThrow(
      expect.objectContaining({
        code: 'BAD_USER_INPUT',
        message: `startTime (2025-01-01T00:00:00.000Z) must be before endTime (${shown})`,
        details: { argument: 'endTime' },
      }),
    );
  });
});
