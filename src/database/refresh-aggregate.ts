import type { SqlRunner } from './server-capabilities.js';

/**
 * Refreshes a window of a continuous aggregate in one batch.
 *
 * TimescaleDB 2.28 refreshes ten buckets per batch by default, and misses the last bucket of a change that ends exactly
 * where a batch ends, e.g. with a report at the full hour (fixed in 2.29:
 * https://github.com/timescale/timescaledb/issues/10221). Older servers have no batches.
 *
 * @param window SQL expressions of its start and its end (exclusive).
 * @param values of the parameters in these expressions.
 * @param force also recomputes buckets that the change log does not name. Without effect on the postgresql engine, whose
 * refresh always compares every bucket of the window with the raw reports.
 */
export async function refreshAggregate(
  on: SqlRunner,
  relation: string,
  [start, end]: readonly [start: string, end: string],
  values: readonly unknown[] = [],
  force = false,
): Promise<void> {
  const [supports] = (await on.query(
    `SELECT coalesce(bool_or('options' = ANY (proargnames)), false) AS options,
       coalesce(bool_or('force' = ANY (proargnames)), false) AS force FROM pg_proc
     WHERE proname = 'refresh_continuous_aggregate'`,
  )) as [{ options: boolean; force: boolean }];
  const optionsArgument = supports.options ? `, options => '{"buckets_per_batch": 0}'` : '';
  const forceArgument = force && supports.force ? ', force => true' : '';
  await on.query(
    `CALL refresh_continuous_aggregate('${relation}', ${start}, ${end}${forceArgument}${optionsArgument})`,
    [...values],
  );
}
