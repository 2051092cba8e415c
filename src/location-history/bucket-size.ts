import { DomainError } from '../common/errors/domain-error.js';
import { HistoryResolution, type RowResolution } from './history-resolution.js';

/** How the database (`bucket_size`) and the API (`bucketSize`) write the resolution of a row. */
export const BUCKET_SIZES: Readonly<Record<RowResolution, string>> = {
  [HistoryResolution.RAW]: 'raw',
  [HistoryResolution.HOURLY]: '1 hour',
  [HistoryResolution.DAILY]: '1 day',
};

const RESOLUTIONS = [HistoryResolution.RAW, HistoryResolution.HOURLY, HistoryResolution.DAILY] as const;

/** Returns the resolution of a bucket size; undefined for any other text. */
export function resolutionOf(bucketSize: string): RowResolution | undefined {
  return RESOLUTIONS.find((resolution) => BUCKET_SIZES[resolution] === bucketSize);
}

/**
 * Parses the argument `bucketSize`.
 *
 * @throws DomainError `BAD_USER_INPUT` that lists the allowed values.
 */
export function parseBucketSize(value: string): RowResolution {
  const resolution = resolutionOf(value);
  if (resolution === undefined || resolution === HistoryResolution.RAW) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `bucketSize must be "1 hour" or "1 day", not ${JSON.stringify(value)}`,
      { details: { argument: 'bucketSize' } },
    );
  }
  return resolution;
}
