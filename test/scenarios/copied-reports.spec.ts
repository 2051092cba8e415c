import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, it } from '@jest/globals';
import { from as copyFrom } from 'pg-copy-streams';
import { withClient } from '../support/client.js';
import { describeOnEveryEngine } from '../support/engines.js';
import type { TestReport } from '../support/history-oracle.js';
import { at, expectHistoryOf, historyToday, insertReports } from '../support/scenario.js';
import { TestDatabase } from '../support/test-database.js';

/** Days whose aggregates have been refreshed while they were empty: only what is logged as changed is looked at again. */
describeOnEveryEngine('reports that are copied into a day that was refreshed before', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let place: string;

  beforeEach(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    await db.register('a');
    place = await db.value<string>('SELECT ST_SetSRID(ST_MakePoint(2, 1), 4326)::text');
    await db.aggregates.refresh(at(today, -7, '00:00:00'), new Date(today.getTime() + 24 * 3_600_000));
  });
  afterEach(() => db.drop());

  const report = (days: number, time: string): TestReport => ({
    key: 'a',
    at: at(today, days, time),
    latitude: 1,
    longitude: 2,
  });
  /** On a connection of its own, after these statements. */
  function copy(reports: readonly TestReport[], ...before: string[]): Promise<void> {
    return withClient(db.url, async (client) => {
      for (const statement of before) await client.query(statement);
      const rows = reports.map(({ key, at: moment }) => `${key}\t${moment.toISOString()}\t${place}\n`);
      await pipeline(
        Readable.from(rows),
        client.query(copyFrom('COPY location_reports (hashed_adv_key, timestamp, location) FROM STDIN')),
      );
      await client.query('COMMIT');
    });
  }

  it('are in history where they are the first of their days', async () => {
    const reports = [report(-1, '10:00:00'), report(-1, '11:00:00'), report(0, '00:00:00')];
    await copy(reports);
    await expectHistoryOf(db, reports);
  });

  it.each([
    [
      'with other dates and a zone of an ambiguous name',
      ["SET timezone = 'Asia/Kolkata'", "SET datestyle = 'SQL, DMY'"],
    ],
  ])('are in history %s', async (_how, before) => {
    const first = report(-1, '09:00:00');
    await insertReports(db, [first]);
    await db.settle();
    const copied = [report(-1, '10:00:00'), report(-1, '12:00:00')];
    await copy(copied, ...before);
    await expectHistoryOf(db, [first, ...copied]);
  });

  it('are in history behind an INSERT in the same transaction', async () => {
    const copied = [report(-1, '10:00:00'), report(0, '00:00:00')];
    const inserted = report(-1, '08:00:00');
    await copy(
      copied,
      'BEGIN',
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       VALUES ('a', '${inserted.at.toISOString()}', '${place}')`,
    );
    await expectHistoryOf(db, [inserted, ...copied]);
  });
});
