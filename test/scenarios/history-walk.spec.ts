import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ingestReports } from '../support/reports.js';
import { historyToday, keepRaw, LONG_RAW_RETENTION, maintain } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { TestDatabase } from '../support/test-database.js';

const WALK = `query ($ids: [ID!], $resolution: HistoryResolution!, $direction: OrderDirection!, $first: Int!, $after: String) {
  page: locationHistoryConnection(trackerIds: $ids, resolution: $resolution, direction: $direction, first: $first, after: $after) {
    nodes { id timestamp bucketSize reportCount } pageInfo { hasNextPage endCursor } } }`;

interface Row {
  id: string;
  timestamp: string;
  bucketSize: string;
  reportCount: number;
}

/** A client that reads history page by page, and may stop at any page. */
class Walker {
  readonly rows: Row[] = [];
  hasMore = true;
  private after: string | null = null;

  constructor(
    private readonly api: Api,
    private readonly asked: { ids?: string[]; resolution?: string; direction?: string; first: number },
  ) {}

  get last(): Row | undefined {
    return this.rows.at(-1);
  }

  private get variables(): Record<string, unknown> {
    return { resolution: 'HOURLY', direction: 'ASC', ...this.asked, after: this.after };
  }

  async step(): Promise<void> {
    const { page } = await this.api.data<{
      page: { nodes: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
    }>(WALK, this.variables);
    this.rows.push(...page.nodes);
    this.hasMore = page.pageInfo.hasNextPage;
    this.after = page.pageInfo.endCursor;
  }

  async finish(): Promise<void> {
    while (this.hasMore) await this.step();
  }

  refusal(): Promise<{ message: string; extensions: object }> {
    return this.api.error(WALK, this.variables);
  }
}

/** Number of reports by tracker and UTC day. Checks that no row is returned twice, and no day as both hours and a day. */
function countsOf(rows: readonly Row[]): Map<string, number> {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  const counts = new Map<string, number>();
  const sizes = new Map<string, string>();
  for (const { id, timestamp, bucketSize, reportCount } of rows) {
    const day = `${id.split(':')[0] ?? ''} ${timestamp.slice(0, 10)}`;
    const size = sizes.get(day) ?? bucketSize;
    if (size !== bucketSize) throw new Error(`${day} is returned as ${size} and as ${bucketSize}`);
    sizes.set(day, size);
    counts.set(day, (counts.get(day) ?? 0) + reportCount);
  }
  return counts;
}

describeOnEveryEngine('a walk through history', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let cut: Date;

  beforeEach(async () => {
    // Hours are kept for three days, so that the cut can pass some of them.
    db = await TestDatabase.create(engine, { env: { ...LONG_RAW_RETENTION, HOURLY_RETENTION_HOURS: '72' } });
    api = await Api.start(db);
    cut = await historyToday(db).then((day) => new Date(day.getTime() - 24 * 3_600_000));
    today = at(cut, 3, '00:00:00');
  });
  afterEach(async () => {
    await api.stop();
    await db.drop();
  });

  /** Stores one report a day before the cut, and one an hour after it up to today. */
  const fill = async (trackers: number, days: number): Promise<void> => {
    await db.query(
      `INSERT INTO trackers (name, hashed_adv_key) SELECT 'walk ' || i, 'walk ' || i FROM generate_series(1, $1::int) AS i`,
      [trackers],
    );
    const batch = 50;
    for (let first = 1; first <= trackers; first += batch) {
      const session = await db.pool.connect();
      try {
        await session.query('BEGIN');
        await session.query('SELECT prepare_incoming_reports()');
        await session.query(
          `INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, source)
           SELECT 1, 'walk ' || i, moment, 10 + i / 1000.0, 20, 'test'
           FROM generate_series($1::int, $2::int) AS i, (
             SELECT $3::timestamptz - d * interval '24 hours' + interval '7 hours' FROM generate_series(1, $5::int) AS d
             UNION ALL SELECT h + interval '5 minutes'
             FROM generate_series($3::timestamptz, $4::timestamptz - interval '1 hour', interval '1 hour') AS h
           ) AS moments (moment)`,
          [first, Math.min(first + batch - 1, trackers), cut, today, days],
        );
        await session.query('SELECT ingest_reports()');
        await session.query('COMMIT');
      } finally {
        session.release();
      }
    }
    await db.settle();
  };
  /** Moves the cut by two days. */
  const passDays = async (): Promise<void> => {
    await db.query('UPDATE history_state SET hourly_retention_hours = 24');
    await maintain(db);
    expect(await db.value('SELECT cut FROM history_state')).toEqual(at(cut, 2, '00:00:00'));
    expect(await db.value('SELECT count(*) FROM location_history_hourly WHERE bucket < history_cut()')).toBe(
      0,
    );
  };

  // The passes in other time zones test times, not size: a fifth is enough.
  const ROWS = process.env['TEST_TIMEZONE'] === undefined ? 100_000 : 20_000;
  it(`of ${ROWS} rows gives each row once, while reports come in and the cut passes a day in its middle`, async () => {
    const [trackers, days] = [ROWS * 0.003, 275];
    await fill(trackers, days);
    const before = await db.query<{ day: string; reports: number }>(
      `SELECT tracker_id || ' ' || to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(report_count)::int AS reports
       FROM location_history_view GROUP BY 1`,
    );
    expect(before).toHaveLength(trackers * (days + 3));
    const walker = new Walker(api, { first: 1000 });
    let passed: Row | undefined;
    for (let page = 1; walker.hasMore; page++) {
      await walker.step();
      const { last } = walker;
      const isInHours =
        last?.bucketSize === '1 hour' && last.timestamp < at(cut, 1, '20:00:00').toISOString();
      if (!passed && walker.rows.length > ROWS * 0.85 && isInHours && !last.timestamp.includes('T00')) {
        await passDays();
        passed = last;
      }
      if (page % (ROWS / 10_000) === 0) {
        const moments = [
          at(cut, -30, `0${page % 7}:00:00`),
          at(cut, 0, '07:07:07'),
          at(cut, 1, '08:08:08'),
          new Date(),
        ];
        const keys = [1, Math.round(trackers / 3), trackers / 2, trackers].map((i) => `walk ${i}`);
        await ingestReports(
          db,
          keys.flatMap((key) =>
            moments.map((moment) => ({
              key,
              at: new Date(moment.getTime() + page),
              latitude: 1,
              longitude: 2,
            })),
          ),
        );
      }
    }
    expect(passed).toBeDefined();
    expect(walker.rows.length).toBeGreaterThan(ROWS);
    const counts = countsOf(walker.rows);
    await db.settle();
    const after = new Map(
      (
        await db.query<{ day: string; reports: number }>(
          `SELECT tracker_id || ' ' || to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(report_count)::int AS reports
           FROM location_history_view GROUP BY 1`,
        )
      ).map(({ day, reports }) => [day, reports]),
    );
    // The answer contains every report stored before, and those that arrived before their page was read.
    for (const { day, reports } of before) {
      expect([
        day,
        (counts.get(day) ?? 0) >= reports,
        (counts.get(day) ?? 0) <= (after.get(day) ?? 0),
      ]).toEqual([day, true, true]);
    }
  });

  it('ends a day at the resolution at which it began it, wherever a page ends and in both directions', async () => {
    await fill(2, 5);
    const ids = (await db.query<{ id: number }>('SELECT id FROM trackers ORDER BY id')).map(({ id }) =>
      String(id),
    );
    // One walker for each page to stop at.
    const walkers = [3, 5, 29, 30, 53, 77, 80].flatMap((first) =>
      ['ASC', 'DESC'].map((direction) => new Walker(api, { ids, direction, first })),
    );
    for (const walker of walkers) await walker.step();
    const whole = new Walker(api, { ids, first: 10_000 });
    await whole.finish();
    await passDays();
    for (const walker of walkers) {
      await walker.finish();
      expect(countsOf(walker.rows)).toEqual(countsOf(whole.rows));
    }
    // Some days began before the cut moved and ended after it.
    expect(new Set(walkers.map(({ rows }) => rows.length)).size).toBeGreaterThan(1);
  });

  it('reports that it is too late where a day cannot be ended as it was begun', async () => {
    await fill(1, 3);
    const hours = [3 + 5, 3 + 24].map((first) => new Walker(api, { first }));
    const reports = ['ASC', 'DESC'].map(
      (direction) => new Walker(api, { resolution: 'RAW', direction, first: 50 }),
    );
    for (const walker of [...hours, ...reports]) await walker.step();
    const [midDay, endOfDay] = hours as [Walker, Walker];
    expect(endOfDay.last?.timestamp).toBe(at(cut, 0, '23:00:00').toISOString());
    await passDays();
    await keepRaw(db, 2);
    await maintain(db);
    await db.query('UPDATE history_state SET raw_retention_hours = 24');
    await maintain(db);
    for (const walker of [midDay, ...reports]) {
      expect(await walker.refusal()).toMatchObject({
        message: expect.stringMatching(/^The cursor in after has expired/),
        extensions: { code: 'CONFLICT', argument: 'after' },
      });
    }
    await endOfDay.finish();
    countsOf(endOfDay.rows);
  });
});
