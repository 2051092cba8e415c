import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import type { LongTransaction, OtherTransaction } from '../../src/database/other-transactions.js';
import { TransactionsHealthRepository } from '../../src/health/transactions-health.repository.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ForgottenTransaction } from '../support/forgotten-transaction.js';
import { healthOf } from '../support/services.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { historyToday, keepRaw, LONG_RAW_RETENTION, maintain } from '../support/history.js';
import { administratorUrl, serverOf } from '../support/servers/database-servers.js';
import { TestDatabase } from '../support/test-database.js';

const FIVE_MINUTES = 300;

/** Leaves out transactions of the product. */
const isOfTheTest = ({ name, gid }: OtherTransaction): boolean => name === 'by hand' || gid !== null;

/** Answers as the database would that many seconds later. */
class LaterRepository extends TransactionsHealthRepository {
  readonly asked: number[] = [];

  constructor(
    db: DataSource,
    private readonly laterS: number,
  ) {
    super(db);
  }

  override async long(seconds: number): Promise<LongTransaction[]> {
    this.asked.push(seconds);
    const found = await super.long(seconds - this.laterS);
    return found.filter((one) => isOfTheTest(one) || one.isHidden);
  }

  override async dueDay(): Promise<Awaited<ReturnType<TransactionsHealthRepository['dueDay']>>> {
    const due = await super.dueDay();
    const later = (one: OtherTransaction): number | null =>
      one.ageSeconds !== null && isOfTheTest(one) ? one.ageSeconds + this.laterS : one.ageSeconds;
    return due && { ...due, holders: due.holders.map((one) => ({ ...one, ageSeconds: later(one) })) };
  }
}

describeOnEveryEngine('the health check of open transactions', (engine) => {
  let db: TestDatabase;
  let today: Date;
  const begun: ForgottenTransaction[] = [];

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    today = await historyToday(db);
    await db.register('a');
    await db.settle();
  });
  afterEach(async () => {
    begun.length = 0;
    await ForgottenTransaction.endAll();
  });
  afterAll(() => db.drop());

  const begin = async (
    options: Parameters<typeof ForgottenTransaction.begin>[1] = {},
  ): Promise<ForgottenTransaction> => {
    const transaction = await ForgottenTransaction.begin(db, options);
    begun.push(transaction);
    return transaction;
  };
  const report = (days: number): TestReport => ({
    key: 'a',
    at: at(today, days, '12:00:00'),
    latitude: 1,
    longitude: 2,
  });
  const problems = async (laterS = 0): Promise<string[]> =>
    (await healthOf(db, undefined, new LaterRepository(db.dataSource, laterS)).check()).problems;

  it('names one that has locked a relation for five minutes, and what to do; none before', async () => {
    const forgotten = await begin();
    await forgotten.insert([report(-1)]);
    const { pid } = forgotten;
    expect(await problems()).toEqual([]);
    const later = new LaterRepository(db.dataSource, FIVE_MINUTES);
    const { transactions, problems: found } = await healthOf(db, undefined, later).check();
    expect(later.asked).toEqual([FIVE_MINUTES]);
    expect(found).toEqual([
      expect.stringMatching(
        new RegExp(
          `^A transaction has been open for 0 minutes: by hand \\(process ${pid}, user \\S+, idle in transaction, ` +
            `open since \\S+Z\\); it has locked .*location_reports.*, and it keeps VACUUM from removing dead rows. ` +
            `If it is forgotten, end it: SELECT pg_terminate_backend\\(${pid}\\)$`,
        ),
      ),
    ]);
    expect(transactions).toMatchObject([
      { pid, query: expect.stringMatching(/^INSERT INTO location_reports/) },
    ]);
  });

  it('names one that only holds back VACUUM', async () => {
    const { client, pid } = await begin({ isolation: 'REPEATABLE READ' });
    await client.query('SELECT 1');
    expect(await problems(FIVE_MINUTES)).toEqual([
      expect.stringMatching(new RegExp(`process ${pid}, .*; it keeps VACUUM from removing dead rows`)),
    ]);
  });

  it('ignores those that block nothing, and those of other databases', async () => {
    const idle = await begin();
    await idle.client.query('SELECT 1');
    const other = await TestDatabase.create(engine);
    const elsewhere = await ForgottenTransaction.begin(other, { isolation: 'REPEATABLE READ' });
    await elsewhere.client.query('SELECT count(*) FROM location_reports');
    expect(await problems(FIVE_MINUTES)).toEqual([]);
    await elsewhere.end();
    await other.drop();
  });

  it('shows what is visible of the transaction of another role', async () => {
    const { client, pid } = await begin({ url: administratorUrl(engine, db.name) });
    await client.query('SELECT count(*) FROM location_reports');
    const { transactions, problems: none } = await healthOf(db).check();
    expect(transactions).toMatchObject([{ pid, isHidden: true }]); // it may be a query that has just begun, or a backup
    expect(none).toEqual([]);
    await client.query('LOCK TABLE location_reports IN ROW EXCLUSIVE MODE');
    expect(await problems()).toEqual([
      expect.stringMatching(
        new RegExp(
          `^A transaction has been open for an unknown time: a session \\(process ${pid}, user \\S+, the rest is hidden ` +
            `from this role\\); it has locked .*location_reports.*as an administrator \\(members of pg_read_all_stats .*` +
            `pg_terminate_backend\\(${pid}\\)$`,
        ),
      ),
    ]);
  });

  it('names the one that keeps a due day from being closed', async () => {
    await (await begin()).insert([report(-4)]);
    const [{ pid }] = begun as [ForgottenTransaction];
    await keepRaw(db, 3);
    const blocked = new RegExp(
      `^Maintenance cannot close \\d{4}-\\d\\d-\\d\\d, which is due, while by hand \\(process ${pid}, .*` +
        `end it: SELECT pg_terminate_backend\\(${pid}\\)$`,
    );
    const close = async (laterS: number): Promise<string[]> =>
      (await problems(laterS)).filter((text) => text.includes('cannot close'));
    expect(await close(0)).toEqual([]);
    expect(await close(FIVE_MINUTES)).toEqual([expect.stringMatching(blocked)]);
    await begun.splice(0)[0]?.end();
    await maintain(db);
    expect(await close(FIVE_MINUTES)).toEqual([]);
  });

  const prepares = serverOf(engine)?.prepares === true;
  (prepares ? it : it.skip)(
    `names a prepared one${prepares ? '' : ' [skipped: max_prepared_transactions is 0]'}`,
    async () => {
      const { client } = await begin();
      const gid = pg.escapeLiteral(db.gid);
      await client.query(`LOCK TABLE location_reports IN ROW EXCLUSIVE MODE; PREPARE TRANSACTION ${gid}`);
      const found = await problems(FIVE_MINUTES);
      await client.query(`ROLLBACK PREPARED ${gid}`);
      expect(found).toEqual([
        expect.stringMatching(
          /the prepared transaction 'half 'done' in \w+' \(user \S+, open since \S+Z\); it keeps all its locks.*end it: ROLLBACK PREPARED 'half ''done'' in \w+'$/,
        ),
      ]);
    },
  );
});
