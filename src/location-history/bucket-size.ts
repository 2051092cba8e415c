import { DomainError } from '../common/errors/domain-error.js';
import { HistoryResolution, type RowResolution } from './history-resolution.js';

/** How the database (`bucket_size`) and the API (`bucketSize`) write the resolution of a row. */
export const BUCKET_SIZES: Readonly<Record<RowResolution, string>> = {
  [HistoryResolution.RAW]: 'raw',
  [HistoryResolution.HOURLY]: '1 hour',
  [HistoryResolution.DAILY]: '1 day',
};

const RESOLUTIONS: ReadonlyMap<string, RowResolution> = new Map([
  ['raw', HistoryResolution.RAW],
  ['1 hour', HistoryResolution.HOURLY],
  ['1 day', HistoryResolution.DAILY],
]);

/** The resolution that a bucket size stands for; undefined for any other text. */
export function resolutionOf(bucketSize: string): RowResolution | undefined {
  return RESOLUTIONS.get(bucketSize);
}

/**
 * The resolution that the argument `bucketSize` asks for.
 *
 * @throws DomainError `BAD_USER_INPUT` that lists what is allowed.
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
