import type { SqlRunner } from './server-capabilities.js';

/**
 * Refreshes a continuous aggregate in a window, all of it in one pass.
 *
 * TimescaleDB 2.28 refreshes ten buckets at a time where nothing else is said, and leaves out the last one of a change that
 * ends exactly where such a batch does, e.g. with a report at the full hour (fixed in 2.29:
 * https://github.com/timescale/timescaledb/issues/10221). Servers before 2.28 know no batches, and ignore the option where
 * there is one for others.
 *
 * @param window SQL expressions of its first moment and of the first one after it.
 * @param values of the parameters in them.
 * @param anew computes what TimescaleDB has no change of, too. The postgresql engine compares everything each time.
 */
export async function refreshAggregate(
  on: SqlRunner,
  relation: string,
  [start, end]: readonly [start: string, end: string],
  values: readonly unknown[] = [],
  anew = false,
): Promise<void> {
  const [takes] = (await on.query(
    `SELECT coalesce(bool_or('options' = ANY (proargnames)), false) AS options,
       coalesce(bool_or('force' = ANY (proargnames)), false) AS force FROM pg_proc
     WHERE proname = 'refresh_continuous_aggregate'`,
  )) as [{ options: boolean; force: boolean }];
  const options = takes.options ? `, options => '{"buckets_per_batch": 0}'` : '';
  const force = anew && takes.force ? ', force => true' : '';
  await on.query(`CALL refresh_continuous_aggregate('${relation}', ${start}, ${end}${force}${options})`, [
    ...values,
  ]);
}
