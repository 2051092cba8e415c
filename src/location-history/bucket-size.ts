import { DomainError } from '../common/errors/domain-error.js';

/** The bucket sizes that history is kept in, as the API and the database write them. */
export const BUCKET_SIZES = ['1 hour', '1 day'] as const;
export type BucketSize = (typeof BUCKET_SIZES)[number];
/** What a row of history can be of: a bucket, or a single report. */
export type RowSize = BucketSize | 'raw';

/** @throws DomainError `BAD_USER_INPUT` that lists what is allowed. */
export function parseBucketSize(value: string): BucketSize {
  const size = BUCKET_SIZES.find((known) => known === value);
  if (!size) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `bucketSize must be "1 hour" or "1 day", not ${JSON.stringify(value)}`,
      {
        details: { argument: 'bucketSize' },
      },
    );
  }
  return size;
}
