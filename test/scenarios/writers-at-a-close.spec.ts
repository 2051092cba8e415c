import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { connectTo, serverOf } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ForgottenTransaction, collectWarnings } from '../support/forgotten-transaction.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { expectHistoryOf, historyToday, keepRaw, LONG_RAW_RETENTION, maintain } from '../support/history.js';
import { dailyReports, insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

/** The longest that a writer may wait, in milliseconds. */
const LONGEST_STALL_MS = 2_000;

/** Stores reports one after the other on a session of its own, and measures how long each takes. */
class SteadyWriter {
  longestMs = 0;
  readonly stored: TestReport[] = [];
  private stopped = false;
  private readonly work: Promise<void>;

  constructor(
    private readonly db: TestDatabase,
    private readonly from: Date,
  ) {
    this.work = this.write();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.work;
  }

  private async write(): Promise<void> {
    const client = await connectTo(this.db.url);
    const query = async (sql: string, values?: unknown[]): Promise<never[]> =>
      (await client.query(sql, values)).rows as never[];
    for (let i = 0; !this.isStopped(); i++) {
      const report = { key: 'b', at: new Date(this.from.getTime() + i * 10), latitude: 5, longitude: 6 };
      const began = performance.now();
      await insertReports({ query }, [report]);
      this.longestMs = Math.max(this.longestMs, performance.now() - began);
      this.stored.push(report);
      await sleep(5);
    }
    await client.end();
  }

  private isStopped(): boolean {
    return this.stopped;
  }
}

describeOnEveryEngine('writers while a day is to be closed', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let reports: TestReport[];

  beforeEach(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    await db.register('a');
    await db.register('b');
    reports = dailyReports('a', today, { from: -4, to: -1, perDay: 6 });
    await insertReports(db, reports);
    await db.settle();
    await keepRaw(db, 4);
    await maintain(db);
    await keepRaw(db, 3);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await ForgottenTransaction.endAll();
    await db.drop();
  });

  const late: () => TestReport = () => ({
    key: 'a',
    at: at(today, -4, '12:34:56'),
    latitude: 1,
    longitude: 2,
  });
  const horizon = (): Promise<Date> => db.value('SELECT closed_before FROM history_state');

  it('do not stall for two seconds, and the forgotten transaction is named', async () => {
    const warned = collectWarnings();
    const forgotten = await ForgottenTransaction.begin(db);
    await forgotten.insert([late()]);
    const writer = new SteadyWriter(db, at(today, -1, '12:00:00'));
    try {
      const failed = maintain(db);
      await expect(failed).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringMatching(
          new RegExp(
            `^Closing \\d{4}-\\d\\d-\\d\\d waits for by hand \\(process ${forgotten.pid}, user \\S+, idle in ` +
              `transaction, open since .*\\)\\. If that transaction was forgotten, end it: SELECT pg_terminate_backend\\(${forgotten.pid}\\)$`,
          ),
        ) as unknown,
      });
      expect(warned().filter((text) => text.startsWith('Closing '))).toEqual([
        expect.stringMatching(
          new RegExp(
            `waits for (.*; )?by hand \\(process ${forgotten.pid}, .*: INSERT INTO location_reports`,
          ),
        ),
      ]);

      // It is old by now, and no session waits for it any more.
      const whileYoung = writer.longestMs;
      writer.longestMs = 0;
      await expect(maintain(db)).rejects.toMatchObject({ code: 'CONFLICT' });
      process.stderr.write(
        `${engine}: longest stall of a writer ${Math.round(whileYoung)} ms while a forgotten transaction is young, ` +
          `${Math.round(writer.longestMs)} ms when it is old\n`,
      );
      expect(whileYoung).toBeLessThan(LONGEST_STALL_MS);
      expect(writer.longestMs).toBeLessThan(LONGEST_STALL_MS);
      expect(await horizon()).toEqual(at(today, -4, '00:00:00'));
    } finally {
      await writer.stop();
      await forgotten.end('COMMIT');
    }
    reports.push(late());
    expect((await maintain(db)).daysClosed).toHaveLength(1);
    await expectHistoryOf(db, [...reports, ...writer.stored]);
  });

  const prepares = serverOf(engine)?.prepares === true;
  (prepares ? it : it.skip)(
    `do not wait for a prepared transaction${prepares ? '' : ' [skipped: max_prepared_transactions is 0]'}`,
    async () => {
      const forgotten = await ForgottenTransaction.begin(db);
      const gid = pg.escapeLiteral(db.gid);
      await forgotten.client.query(
        `LOCK TABLE location_reports IN ROW EXCLUSIVE MODE; PREPARE TRANSACTION ${gid}`,
      );
      await expect(
        maintain(db).finally(() => forgotten.end(`ROLLBACK PREPARED ${gid}`)),
      ).rejects.toMatchObject({
        message: expect.stringMatching(
          /waits for the prepared transaction 'half 'done' in \w+'.*ROLLBACK PREPARED 'half ''done'' in \w+'$/,
        ),
      });
      expect((await maintain(db)).daysClosed).toHaveLength(1);
    },
  );

  it('change what was noted before the lock, and it is corrected under the lock', async () => {
    const day = at(today, -4, '00:00:00');
    const [first] = reports as [TestReport];
    const client = await connectTo(db.url);
    await client.query('BEGIN');
    await client.query('CREATE TEMPORARY TABLE noted AS SELECT * FROM note_identities($1)', [day]);
    // The same number of reports as before, but others; one of a key that had none.
    await db.query('DELETE FROM location_reports WHERE hashed_adv_key = $1 AND timestamp = $2', [
      first.key,
      first.at,
    ]);
    await insertReports(db, [late(), { ...late(), key: 'b' }]);
    await client.query('LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE');
    await client.query('SELECT correct_identities($1, keys, counts, digests) FROM noted', [day]);
    const { rows } = await client.query(
      `SELECT hashed_adv_key AS key, ARRAY(SELECT unnest(milliseconds) ORDER BY 1) AS milliseconds
       FROM report_identities WHERE day = $1 ORDER BY 1`,
      [day],
    );
    await client.query('ROLLBACK');
    await client.end();
    const expected = reports.filter((report) => report.at < at(today, -3, '00:00:00') && report !== first);
    const milliseconds = [...expected, late()].map((report) => report.at.getTime() - day.getTime());
    expect(rows).toEqual([
      { key: 'a', milliseconds: milliseconds.sort((a, b) => a - b) },
      { key: 'b', milliseconds: [late().at.getTime() - day.getTime()] },
    ]);
  });

  it('and readers of other days do not delay it on timescaledb', async () => {
    if (engine !== 'timescaledb') return; // on plain PostgreSQL a partition cannot be dropped while its table is read
    const reader = await ForgottenTransaction.begin(db);
    await reader.client.query(`SELECT count(*) FROM location_reports WHERE timestamp >= $1`, [
      at(today, -1, '00:00:00'),
    ]);
    await sleep(5_500);
    expect((await maintain(db)).daysClosed).toHaveLength(1);
    await reader.end();
  });
});
