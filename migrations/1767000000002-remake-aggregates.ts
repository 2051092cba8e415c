import type { QueryRunner } from 'typeorm';
import { keepChangesLogged } from '../src/database/changes-log.js';
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

/**
 * 0.2.0: the continuous aggregates with the columns of step 0002.
 *
 * Days below the horizon exist in the daily one alone, so they are moved out of it first, a batch a transaction: what is
 * shown is the same after each. What is left can be computed from raw reports, and is, before the new aggregates take the
 * places of the old ones.
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
        action: 'move the days whose raw reports are gone to location_history_daily_late',
        lock: 'writers of the same rows wait',
        rewrites: true,
      },
      ...AGGREGATES.map((relation): PlannedWork => ({
        relation,
        action: 'compute anew from raw reports, beside the old one, and put it in its place',
        lock: 'readers and writers wait',
        rewrites: true,
      })),
    ];
  }

  override replaces({ engine }: Foundation): readonly string[] {
    return engine === 'timescaledb' ? AGGREGATES : [];
  }

  override async prepare({ session, made, progress }: Preparation): Promise<void> {
    if (made.engine !== 'timescaledb') return;
    await retryTransient(() => keepChangesLogged(session.dataSource));
    const days = await closedDays(session);
    for (const [i, day] of days.entries()) {
      await moveClosedDay(session, day);
      if ((i + 1) % 30 === 0 || i + 1 === days.length)
        progress(`moved ${i + 1} of ${days.length} closed days`);
    }
    progress('computing the new aggregates from raw reports');
    // Twice: the second run has only what came in during the first, so that little is missing at the exchange.
    for (let run = 0; run < 2; run++) {
      for (const relation of AGGREGATES) {
        await retryTransient(() =>
          session.query(`CALL refresh_continuous_aggregate('${relation}_next', history_horizon(), NULL)`),
        );
      }
    }
  }

  override async up(runner: QueryRunner): Promise<void> {
    await this.makeRelations(runner, await this.foundation(runner));
  }

  override async makeRelations(runner: SqlRunner, made: Foundation): Promise<void> {
    if (made.engine === 'timescaledb') await exchange(runner);
    await super.makeRelations(runner, made);
  }
}

/** In one transaction, for a moment without readers and writers. */
async function exchange(runner: SqlRunner): Promise<void> {
  await runner.query('LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE');
  // Closed since the preparation: at most a day or two.
  for (const day of await closedDays(runner)) while ((await moveBatch(runner, day)) > 0);
  await runner.query(`DELETE FROM location_history_daily_next WHERE bucket < ${HORIZON}`);
  for (const relation of AGGREGATES) await replaceRelation(runner, relation);
}

/** The days below the horizon that the aggregate still has. */
async function closedDays(runner: SqlRunner): Promise<string[]> {
  const rows = (await runner.query(
    `SELECT DISTINCT bucket::text AS day, bucket FROM location_history_daily WHERE bucket < ${HORIZON} ORDER BY bucket`,
  )) as { day: string }[];
  return rows.map(({ day }) => day);
}

async function moveClosedDay(session: Session, day: string): Promise<void> {
  while ((await retryTransient(() => inTransaction(session, () => moveBatch(session, day)))) > 0);
}

/** @returns how many rows were moved. */
async function moveBatch(runner: SqlRunner, day: string): Promise<number> {
  const [{ moved }] = (await runner.query(sqlFile('migrations/0003/timescaledb/move_closed_day'), [day])) as [
    { moved: string },
  ];
  return Number(moved);
}
