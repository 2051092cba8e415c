import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithClock } from '../support/servers/faketime-cluster.js';
import type { TestReport } from '../support/history-oracle.js';
import { expectHistoryOf } from '../support/history.js';
import { insertReports } from '../support/reports.js';
import { asAdministrator } from '../support/servers/database-servers.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const HOUR = 3_600_000;
const BEGIN = new Date('2027-03-24T12:00:00Z');

/**
 * Tests the race between a refresh of TimescaleDB and a COMMIT; see changes_logged_before(). The test delays the COMMIT
 * as long as it needs, with a synchronous standby that does not exist.
 */
describeWithClock('a report that is committed while a refresh passes its hour', BEGIN, (engine, cluster) => {
  let db: TestDatabase;
  const committedReports: TestReport[] = [];

  beforeAll(async () => {
    await asAdministrator(cluster().server, (admin) =>
      admin.query('ALTER SYSTEM SET synchronous_commit = local'),
    );
    await setStandby('');
    db = await TestDatabase.create(engine, { server: cluster().server });
    await db.register('a');
    // TimescaleDB decides when its jobs run; here the test refreshes.
    if (engine === 'timescaledb')
      await db.administer('SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs');
  });
  afterAll(() => db.drop());

  /** Sets the standby that COMMITs wait for unless they are `local`. */
  async function setStandby(name: string): Promise<void> {
    await asAdministrator(cluster().server, async (admin) => {
      await admin.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
      await admin.query('SELECT pg_reload_conf()');
    });
  }

  /**
   * Repeats COMMITs until one waits, because the server applies the setting late, above all after a jump of its clock.
   */
  async function untilCommitsWait(): Promise<void> {
    const client = await db.pool.connect();
    await client.query('SET synchronous_commit = on');
    for (let isWaiting = false; !isWaiting;) {
      const commit = client.query(`SELECT pg_logical_emit_message(true, 'test', 'a transaction')`);
      isWaiting = await Promise.race([commit.then(() => false), sleep(200, true)]);
      if (isWaiting) void commit.finally(() => client.release(true));
    }
  }

  /** Refreshes while the COMMIT of a report of `now` is waiting. If the refresh waits for it too, ends the wait. */
  async function refreshWhileCommitting(now: Date, refresh: () => Promise<unknown>): Promise<void> {
    const report = { key: 'a', at: now, latitude: committedReports.length, longitude: 2 };
    await setStandby('nobody');
    await untilCommitsWait();
    const client = await db.pool.connect();
    try {
      await client.query('SET synchronous_commit = on');
      const committed = insertReports(client, [report]);
      await eventually(async () =>
        expect(
          await db.value(
            `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'INSERT INTO location_reports%'`,
          ),
        ).toBe(1),
      );
      const refreshed = refresh();
      await Promise.race([refreshed, sleep(1_000)]);
      await setStandby('');
      await Promise.all([committed, refreshed]);
    } finally {
      client.release(true);
    }
    committedReports.push(report);
  }

  it('is in the history if a policy or a user refreshes', async () => {
    const now = new Date(BEGIN.getTime() + 5 * HOUR);
    await cluster().setClock(now);
    await refreshWhileCommitting(now, () =>
      db.query(
        `CALL refresh_continuous_aggregate('location_history_hourly', now() - interval '48 hours', now() + interval '1 hour')`,
      ),
    );
    await expectHistoryOf(db, committedReports);
  });

  it('is in the history if nothing was refreshed for months', async () => {
    const now = new Date(BEGIN.getTime() + 100 * 24 * HOUR);
    await cluster().setClock(now);
    const before = { key: 'a', at: new Date(now.getTime() - 1_000), latitude: 50, longitude: 3 };
    await insertReports(db, [before]);
    committedReports.push(before);
    await refreshWhileCommitting(now, () => db.settle());
    await expectHistoryOf(db, committedReports);
  });

  it('has its changes logged for two months from then on', async () => {
    expect(await db.value(`SELECT changes_logged_before() > now() + interval '59 days'`)).toBe(true);
  });
});
