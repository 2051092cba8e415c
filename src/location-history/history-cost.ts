import { MAX_ROWS } from '../common/graphql/connection.js';

const HOUR = 3_600_000;

/** Cost of a field whose rows are the buckets of a range: see src/common/graphql/query-cost.ts. */
export function costOfRange({
  args,
  childComplexity,
}: {
  args: Record<string, unknown>;
  childComplexity: number;
}): number {
  const { startTime, endTime, bucketSize } = args as { startTime: Date; endTime: Date; bucketSize?: string };
  const width = bucketSize === '1 hour' ? HOUR : 24 * HOUR;
  const buckets = Math.ceil((endTime.getTime() - startTime.getTime()) / width) + 1;
  // Hours are kept for a few days only, so a range without a bucket size is one of days and some hours.
  return (
    Math.max(1, Math.min(MAX_ROWS, bucketSize === undefined ? buckets + 48 : buckets)) * (1 + childComplexity)
  );
}
