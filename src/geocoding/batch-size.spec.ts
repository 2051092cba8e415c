import { describe, expect, it } from '@jest/globals';
import { BatchSize } from './batch-size.js';

function sizesAfter(...durations: number[]): number[] {
  const size = new BatchSize();
  return [
    size.reports,
    ...durations.map((ms) => {
      size.record(ms);
      return size.reports;
    }),
  ];
}

describe('BatchSize', () => {
  it('halves after each transaction of more than a second', () => {
    expect(sizesAfter(1_500, 1_200, 800)).toEqual([10_000, 5_000, 2_500, 2_500]);
  });

  it('doubles after a short transaction, up to the maximum', () => {
    expect(sizesAfter(2_000, 100, 100)).toEqual([10_000, 5_000, 10_000, 10_000]);
  });

  it('never goes below the minimum', () => {
    expect(sizesAfter(...Array<number>(20).fill(9_000)).at(-1)).toBe(250);
  });
});
