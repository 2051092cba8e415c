import { describe, expect, it } from '@jest/globals';
import { BUCKET_SIZES, parseBucketSize } from './bucket-size.js';

describe('parseBucketSize', () => {
  it.each(BUCKET_SIZES)('takes "%s"', (size) => {
    expect(parseBucketSize(size)).toBe(size);
  });

  it.each(['', '1 Hour', '1hour', '1  day', ' 1 day', '1 week', '24 hours', "1 day'", 'toString'])(
    'refuses %j, and says what there is',
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
