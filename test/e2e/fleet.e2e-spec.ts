import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Api, recordStatements } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

const TRACKERS = 1500;
const HOURS = 24;

/** Statements of the process itself: it connects, listens, and checks for due jobs. */
const BACKGROUND = /set_config|LISTEN|pg_listening_channels|job_runs|schedules of some jobs/;

describeOnEveryEngine('a fleet of 1,500 trackers', (engine) => {
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: { APP_ROLES: 'api' } });
    await db.query(
      `INSERT INTO trackers (name, hashed_adv_key) SELECT 'fleet ' || i, 'fleet ' || i FROM generate_series(1, $1::int) AS i`,
      [TRACKERS],
    );
    // One report an hour of each tracker, at different minutes.
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       SELECT 'fleet ' || i, date_trunc('hour', now(), 'UTC') - h * interval '1 hour' + (i % 59) * interval '1 minute',
         make_geo_point(i / 10.0, h)
       FROM generate_series(1, $1::int) AS i, generate_series(1, $2::int) AS h`,
      [TRACKERS, HOURS],
    );
    await db.settle();
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  const record = (query: string, variables: Record<string, unknown> = {}) =>
    recordStatements(() => api.data<unknown>(query, variables), BACKGROUND);

  it('is read with latest positions and the last 24 hours in three statements', async () => {
    interface Tracker {
      name: string;
      latestLocation: { location: { longitude: number; latitude: number } };
      locationHistory: { timestamp: string }[];
    }
    const { statements, result: data } = await record(
      `query ($from: DateTime!) { fleet: trackersConnection(first: ${TRACKERS}) { nodes { name
         latestLocation { timestamp nearestCity location { latitude longitude } }
         locationHistory(startTime: $from, first: 25) { timestamp bucketSize reportCount location { latitude longitude } } } } }`,
      { from: new Date(Date.now() - HOURS * 3_600_000) },
    );
    expect(statements).toHaveLength(3);
    const { nodes } = (data as { fleet: { nodes: Tracker[] } }).fleet;
    expect(nodes).toHaveLength(TRACKERS);
    for (const { name, latestLocation, locationHistory } of nodes) {
      expect(latestLocation.location).toEqual({ longitude: Number(name.slice(6)) / 10, latitude: 1 });
      const times = locationHistory.map(({ timestamp }) => timestamp);
      expect(times).toHaveLength(HOURS);
      expect(times).toEqual([...times].sort().reverse());
    }
  });

  it.each<[query: string, statements: number]>([
    ['{ trackers(limit: 1500) { latestLocation { id tracker { name } } } }', 3],
    [
      '{ trackers(limit: 1500) { statusHistory { status } currentStateStart totalTransitTime totalStorageTime } }',
      3,
    ],
    [
      '{ trackers(limit: 500) { a: locationHistory(first: 1) { id } b: locationHistory(first: 2) { id } } }',
      3,
    ],
    ['{ trackers(limit: 100) { statusHistory { tracker { latestLocation { id } } } } }', 4],
    [
      '{ trackersConnection(first: 10, filter: { name: "fleet 1", lastSeenAfter: "2020-01-01T00:00:00Z" }) { nodes { id } totalCount } }',
      2,
    ],
    [
      '{ trackersNear(latitude: 1, longitude: 10, radiusMeters: 1000000) { distanceMeters tracker { latestLocation { id } } } }',
      2,
    ],
    ['{ recentLocationHistory(limit: 1000) { id tracker { id name } } }', 2],
    ['{ locationHistoryConnection(first: 5000) { nodes { id tracker { name } } } }', 2],
    ['{ durationStats { totalTrackers statuses { totalSeconds } } }', 1],
  ])('%s needs %i statements', async (query, statements) => {
    const recorded = await record(query);
    expect(recorded.statements).toHaveLength(statements);
    expect(JSON.stringify(recorded.result).length).toBeGreaterThan(50);
  });
});
