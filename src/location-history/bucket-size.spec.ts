import { describe, expect, it } from '@jest/globals';
import { BUCKET_SIZES, parseBucketSize, resolutionOf } from './bucket-size.js';
import { HistoryResolution, type RowResolution } from './history-resolution.js';

const { RAW, HOURLY, DAILY } = HistoryResolution;

describe('resolutionOf', () => {
  it.each<RowResolution>([RAW, HOURLY, DAILY])('returns %s for its bucket size', (resolution) => {
    expect(resolutionOf(BUCKET_SIZES[resolution])).toBe(resolution);
  });
});

describe('parseBucketSize', () => {
  it.each([
    ['1 hour', HOURLY],
    ['1 day', DAILY],
  ])('accepts "%s"', (size, resolution) => {
    expect(parseBucketSize(size)).toBe(resolution);
  });

  it.each(['', 'raw', '1 Hour', '1hour', '1  day', ' 1 day', '1 week', '24 hours', "1 day'", 'toString'])(
    'rejects %j and lists the allowed values',
    (value) => {
      expect(() => parseBucketSize(value)).toThrow(
        expect.objectContaining({
          code: 'BAD_USER_INPUT',
          message: `bucketSize must be "1 hour" or "1 day", not ${JSON.stringify(value)}`,
          details: { argument: 'bucketSize' },
        }),
      );
    },
  );
});
