import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { AggregatesListener } from '../../src/aggregates/aggregates.listener.js';
import { AnnouncementsRepository } from '../../src/announcements/announcements.repository.js';
import { Announcer } from '../../src/announcements/announcer.js';
import { AggregatesRepository } from '../../src/aggregates/aggregates.repository.js';
import { AggregatesService } from '../../src/aggregates/aggregates.service.js';
import { LivenessRegistry } from '../../src/common/liveness/liveness.registry.js';
import { SQLSTATE } from '../../src/common/errors/pg-errors.js';
import { ListenerRegistry } from '../../src/pg-listener/listener-registry.js';
import { clockOf, noRedis } from '../support/services.js';
import { describeOnTimescale } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { eventually, sessionWaitingForLock } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describeOnTimescale('a refresh while a policy of TimescaleDB refreshes the same hours (timescaledb)', () => {
  let db: TestDatabase;
  let today: Date;
  let job: number;
  let hours: string;
  const reports: TestReport[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create('timescaledb');
    today = await historyToday(db);
    await db.register('a');
    await db.settle();
    // Only the test runs the policies, not the scheduler of TimescaleDB.
    await db.administer('SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs');
    await eventually(async () =>
      expect(
        await db.value(
          `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%policy_refresh%'
           AND state = 'active' AND pid <> pg_backend_pid()`,
        ),
      ).toBe(0),
    );
    const [aggregate] = await db.query<{ job: number; hours: string }>(
      `SELECT j.job_id AS job, format('%I.%I', h.schema_name, h.table_name) AS hours
       FROM _timescaledb_catalog.continuous_agg AS a
       JOIN _timescaledb_catalog.hypertable AS h ON h.id = a.mat_hypertable_id
       JOIN timescaledb_information.jobs AS j ON (j.config ->> 'mat_hypertable_id')::int = h.id
       WHERE a.user_view_name = 'location_history_hourly' AND j.proc_name = 'policy_refresh_continuous_aggregate'`,
    );
    if (!aggregate) throw new Error('the hourly aggregate has no policy');
    ({ job, hours } = aggregate);
  });
  afterAll(async () => {
    for (const blocker of blockers) {
      await blocker.query('ROLLBACK');
      blocker.release();
    }
    await db.drop();
  });

  const blockers = new Set<PoolClient>();
  let moments = 0;
  /** Stores another report of yesterday, newer than all before. */
  async function insertNewest(): Promise<TestReport> {
    moments += 1;
    const report = {
      key: 'a',
      at: new Date(at(today, -1, '10:00:00').getTime() + moments * 1000),
      latitude: moments / 100,
      longitude: 7,
    };
    await insertReports(db, [report]);
    reports.push(report);
    return report;
  }
  const newestShown = (): Promise<Date> =>
    db.value("SELECT max(last_report_at) FROM location_history_view WHERE bucket_size = '1 hour'");

  /** Runs the job of the policy, and blocks it after it has read and before it writes. */
  async function holdPolicy(): Promise<{ pid: number; release: () => Promise<void> }> {
    const blocker = await db.pool.connect();
    blockers.add(blocker);
    await blocker.query('BEGIN');
    await blocker.query(`LOCK TABLE ${hours} IN SHARE MODE`);
    const run = db.query(`CALL run_job(${job})`);
    run.catch(() => undefined); // it may be rejected: it runs again
    const pid = await sessionWaitingForLock(db, '%policy_refresh_continuous_aggregate%');
    const release = async (): Promise<void> => {
      await blocker.query('COMMIT');
      blockers.delete(blocker);
      blocker.release();
      await run.catch(() => undefined);
    };
    return { pid, release };
  }

  it('keeps its work until it is done', async () => {
    await insertNewest();
    const policy = await holdPolicy();
    const newest = await insertNewest();
    // It is rejected or waits; if it waits, the policy may be rejected instead.
    const refresh = db.aggregates.aggregateChanges().catch((error: unknown) => {
      expect(error).toMatchObject({ code: SQLSTATE.lockNotAvailable });
    });
    await Promise.race([refresh, setTimeout(1000)]);
    expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(2);
    await policy.release();
    await refresh;
    await db.settle();
    expect(await newestShown()).toEqual(newest.at);
    await expectHistoryOf(db, reports);
  });

  it('does the work of a policy that was killed', async () => {
    await insertNewest();
    const policy = await holdPolicy();
    await db.query('SELECT pg_terminate_backend($1)', [policy.pid]);
    await policy.release();
    await db.settle();
    await expectHistoryOf(db, reports);
  });

  it('is done by the listener as soon as the policy has finished', async () => {
    const refused: unknown[] = [];
    class Watched extends AggregatesRepository {
      override async refreshWindow(
        ...args: Parameters<AggregatesRepository['refreshWindow']>
      ): Promise<void> {
        await super.refreshWindow(...args).catch((error: unknown) => {
          refused.push((error as { code?: unknown }).code);
          throw error;
        });
      }
    }
    const listener = new AggregatesListener(
      new AggregatesService(new Watched(db.dataSource), db.locks, clockOf(db.dataSource)),
      new Announcer(
        new AnnouncementsRepository(db.dataSource),
        noRedis(db.dataSource),
        new ListenerRegistry(),
        db.url,
      ),
      new ListenerRegistry(),
      db.config,
      db.url,
      new LivenessRegistry(),
    );
    listener.onModuleInit();
    try {
      for (let i = 0; i < 5; i++) {
        await eventually(async () => expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0));
        // A change for the policy of which the listener is not notified.
        await db.query('ALTER TABLE location_reports DISABLE TRIGGER mark_inserted_reports');
        await insertNewest();
        await db.query('ALTER TABLE location_reports ENABLE TRIGGER mark_inserted_reports');
        const policy = await holdPolicy();
        const newest = await insertNewest();
        await eventually(() => expect(refused.length).toBeGreaterThan(i));
        await policy.release();
        await eventually(async () => expect(await newestShown()).toEqual(newest.at), 3000);
      }
      expect(new Set(refused)).toEqual(new Set([SQLSTATE.lockNotAvailable]));
      await expectHistoryOf(db, reports);
    } finally {
      await listener.beforeApplicationShutdown();
    }
  });
});
