import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { LocationHistoryService } from '../../src/location-history/location-history.service.js';
import { Api } from '../support/application.js';
import { aggregated } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** How soon a committed report has to be visible, in milliseconds. */
const A_SECOND = 1_000;
const HOUR = 3_600_000;

/** Inserts reports of the present moment, by the clock of the server, as any program may. */
const INSERT = `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
  VALUES ($1, clock_timestamp() - make_interval(secs => $2), ST_SetSRID(ST_MakePoint(7, $3), 4326))`;

describeOnEveryEngine('the running application', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let id: string;
  let reports = 0;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    id = await db.register('a');
    api = await Api.start(db);
    await insert();
    await eventually(expectAll); // the first statements of a process are slow
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  async function insert(secondsAgo = 0): Promise<void> {
    reports += 1;
    await db.query(INSERT, ['a', secondsAgo, reports / 100]);
  }
  /** Range of all hours that are shown. */
  const range = (): { from: Date; to: Date } => ({
    from: new Date(Date.now() - 48 * HOUR),
    to: new Date(Date.now() + HOUR),
  });
  async function expectAll(): Promise<void> {
    const rows = await aggregated(api, id, range(), '1 hour');
    expect(rows.reduce((sum, { reportCount }) => sum + reportCount, 0)).toBe(reports);
  }

  it('shows each current report within a second', async () => {
    for (let i = 0; i < 10; i++) {
      await insert();
      await eventually(expectAll, A_SECOND);
    }
  });

  it('shows it in every answer', async () => {
    await insert();
    const latitude = reports / 100;
    await eventually(async () => {
      const { tracker } = await api.data<{ tracker: { latestLocation: { location: { latitude: number } } } }>(
        'query ($id: ID!) { tracker(id: $id) { latestLocation { location { latitude } } } }',
        { id },
      );
      expect(tracker.latestLocation.location.latitude).toBe(latitude);
      const { from, to } = range();
      const history = api.app.get(LocationHistoryService);
      expect((await history.findAggregated(id, from, to, '1 day')).at(-1)).toMatchObject({ latitude });
      expect((await history.findByTimeRange(id, from, to)).at(-1)).toMatchObject({ latitude });
    }, A_SECOND);
  });

  it('shows a report of an hour ago within a second', async () => {
    await insert(3600);
    await eventually(expectAll, A_SECOND);
  });

  it('shows reports within a second while others arrive', async () => {
    for (let i = 0; i < 40; i++) {
      await insert();
      await sleep(i % 7);
    }
    await eventually(expectAll, A_SECOND);
  });

  it('shows a report within a second whose transaction began before a refresh and ended after it', async () => {
    // A waiting marker suppresses further notifications. This one is processed before the transaction commits.
    await db.query('INSERT INTO refresh_markers (from_time, to_time) VALUES (NULL, NULL)');
    const writer = await db.pool.connect();
    try {
      await writer.query('BEGIN');
      reports += 1;
      await writer.query(INSERT, ['a', 0, reports / 100]);
      await db.query('NOTIFY refresh_location_history');
      await eventually(async () => expect(await db.value('SELECT count(*) FROM refresh_markers')).toBe(0));
      await writer.query('COMMIT');
    } finally {
      writer.release();
    }
    await eventually(expectAll, A_SECOND);
  });

  it('updates the materialized view as well', async () => {
    await insert();
    await eventually(async () => {
      expect(await db.value('SELECT sum(report_count)::int FROM location_history')).toBe(reports);
    }, 5_000);
  });
});
