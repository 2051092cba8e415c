import { MAX_ROWS } from '../common/graphql/connection.js';
import { BUCKET_SIZES } from './bucket-size.js';

const HOUR = 3_600_000;

/** Cost of a field that returns the buckets of a range: see src/common/graphql/query-cost.ts. */
export function costOfRange({
  args,
  childComplexity,
}: {
  args: Record<string, unknown>;
  childComplexity: number;
}): number {
  const { startTime, endTime, bucketSize } = args as { startTime: Date; endTime: Date; bucketSize?: string };
  const width = bucketSize === BUCKET_SIZES.HOURLY ? HOUR : 24 * HOUR;
  const buckets = Math.ceil((endTime.getTime() - startTime.getTime()) / width) + 1;
  // Without a bucket size the answer has days before the cut and hours after it: 48 with the default retention.
  return (
    Math.max(1, Math.min(MAX_ROWS, bucketSize === undefined ? buckets + 48 : buckets)) * (1 + childComplexity)
  );
}
