import { describe, expect, it } from '@jest/globals';
import { BatchSize } from './batch-size.js';

function sizesAfter(...took: number[]): number[] {
  const size = new BatchSize();
  return [
    size.reports,
    ...took.map((ms) => {
      size.took(ms);
      return size.reports;
    }),
  ];
}

describe('BatchSize', () => {
  it('halves while a transaction takes more than a second', () => {
    expect(sizesAfter(1_500, 1_200, 800)).toEqual([10_000, 5_000, 2_500, 2_500]);
  });

  it('doubles again when one takes little, up to the largest', () => {
    expect(sizesAfter(2_000, 100, 100)).toEqual([10_000, 5_000, 10_000, 10_000]);
  });

  it('never comes to nothing', () => {
    expect(sizesAfter(...Array<number>(20).fill(9_000)).at(-1)).toBe(250);
  });
});
