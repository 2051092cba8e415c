import type { QueryRunner } from 'typeorm';
import { ensureChangesLogged } from '../src/database/changes-log.js';
import { refreshAggregate } from '../src/database/refresh-aggregate.js';
import { retryTransient } from '../src/database/retry.js';
import { replaceRelation } from '../src/database/schema/replace-relation.js';
import { type PlannedWork, type Preparation, Step } from '../src/database/schema/step.js';
import type { Foundation, SqlRunner } from '../src/database/server-capabilities.js';
import type { Session } from '../src/database/session.js';
import { inTransaction } from '../src/database/transactions.js';
import { sqlFile } from '../src/database/sql-files.js';

/** Not history_horizon(): a database that moves to the engine has no functions at this point. */
const HORIZON = '(SELECT closed_before FROM history_state)';

const AGGREGATES = ['location_history_hourly', 'location_history_daily'] as const;
const PROGRESS_MS = 10_000;

/**
 * 0.2.0: rebuilds the continuous aggregates with the columns of step 0002.
 *
 * Days below the horizon exist in the daily aggregate alone, so they are moved out of it first, one batch per
 * transaction; readers see the same rows after each. The other days are computed from raw reports into new aggregates,
 * which then replace the old ones.
 */
export class RemakeAggregates1767000000002 extends Step {
  readonly folder = '0003';

  files({ engine }: Foundation): readonly string[] {
    return engine === 'timescaledb' ? ['timescaledb/mark_stale'] : [];
  }

  override plan({ engine }: Foundation): readonly PlannedWork[] {
    if (engine !== 'timescaledb') return [];
    return [
      {
        relation: 'location_history_daily',
        action: 'move the days whose raw reports were removed to location_history_daily_late',
        lock: 'writers of the same rows wait',
        rewrites: true,
      },
      ...AGGREGATES.map((relation): PlannedWork => ({
        relation,
        action: 'build a new one beside it from raw reports, then replace it',
        lock: 'readers and writers wait',
        rewrites: true,
      })),
    ];
  }

  override replaces({ engine }: Foundation): readonly string[] {
    return engine === 'timescaledb' ? AGGREGATES : [];
  }

  override async prepare({ session, foundation, progress }: Preparation): Promise<void> {
    if (foundation.engine !== 'timescaledb') return;
    await retryTransient(() => ensureChangesLogged(session.dataSource));
    await moveClosedDays(session, progress);
    progress('computing the new aggregates from raw reports');
    await fillNext(session);
  }

  /**
   * Completes the new aggregates, so that they show the same as the old ones, while no refresh or close of a day runs.
   */
  override async catchUp({ session, foundation, progress }: Preparation): Promise<void> {
    if (foundation.engine !== 'timescaledb') return;
    await moveClosedDays(session, progress);
    await fillNext(session);
  }

  override async up(runner: QueryRunner): Promise<void> {
    await this.createRelations(runner, await this.foundation(runner));
  }

  override async createRelations(runner: SqlRunner, foundation: Foundation): Promise<void> {
    if (foundation.engine === 'timescaledb') await exchange(runner);
    await super.createRelations(runner, foundation);
  }
}

/** Replaces the aggregates; the transaction briefly locks out readers and writers. */
async function exchange(runner: SqlRunner): Promise<void> {
  await runner.query('LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE');
  // Days that were closed by hand since the preparation.
  for (let day = await closedDay(runner); day; day = await closedDay(runner, day.day)) {
    while ((await moveBatch(runner, day.day)) > 0);
  }
  await runner.query(`DELETE FROM location_history_daily_next WHERE bucket < ${HORIZON}`);
  for (const relation of AGGREGATES) await replaceRelation(runner, relation);
}

/** Computes the rows that are missing in the new aggregates. */
async function fillNext(session: Session): Promise<void> {
  for (const relation of AGGREGATES) {
    await retryTransient(() => refreshAggregate(session, `${relation}_next`, ['history_horizon()', 'NULL']));
  }
}

async function moveClosedDays(session: Session, progress: (line: string) => void): Promise<void> {
  let moved = 0;
  let reportedAt = performance.now();
  for (let day = await closedDay(session); day; day = await closedDay(session, day.day)) {
    const { day: bucket, daysLeft } = day;
    while ((await retryTransient(() => inTransaction(session, () => moveBatch(session, bucket)))) > 0);
    moved += 1;
    if (performance.now() - reportedAt < PROGRESS_MS && daysLeft > 1) continue;
    reportedAt = performance.now();
    progress(`moved ${moved} closed days; about ${daysLeft - 1} are left`);
  }
}

/** The oldest day below the horizon, and after the given one, that the aggregate still has; found by the index. */
async function closedDay(
  runner: SqlRunner,
  after = '-infinity',
): Promise<{ day: string; daysLeft: number } | null> {
  const [{ day, daysLeft }] = (await runner.query(
    `SELECT min(bucket)::text AS day, (extract(epoch FROM ${HORIZON} - min(bucket)) / 86400)::int AS "daysLeft"
     FROM location_history_daily WHERE bucket < ${HORIZON} AND bucket > $1::timestamptz`,
    [after],
  )) as [{ day: string | null; daysLeft: number }];
  return day === null ? null : { day, daysLeft };
}

/** @returns the number of moved rows. */
async function moveBatch(runner: SqlRunner, day: string): Promise<number> {
  const [{ moved }] = (await runner.query(sqlFile('migrations/0003/timescaledb/move_closed_day'), [day])) as [
    { moved: string },
  ];
  return Number(moved);
}
