import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { ingestReports, insertReports } from '../support/reports.js';
import { expectHistoryOf, historyToday } from '../support/history.js';
import { serverOf } from '../support/servers/database-servers.js';
import { TestDatabase } from '../support/test-database.js';

const POINT = 'ST_SetSRID(ST_MakePoint(2, 1), 4326)';

describeOnEveryEngine('the database rejects', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let kept: TestReport[];

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    await db.register('a');
    kept = [
      { key: 'a', at: at(today, -1, '10:00:00'), latitude: 1, longitude: 2 },
      { key: 'a', at: at(today, -5, '10:00:00'), latitude: 1, longitude: 2 },
    ];
    await insertReports(db, kept);
  });
  afterAll(() => db.drop());

  const insert = (moment: string, location = POINT, more = '', value = ''): Promise<unknown> =>
    db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location${more && `, ${more}`})
       VALUES ('a', ${moment}, ${location}${more && `, ${value}`})`,
    );

  describe('reports', () => {
    it.each([
      ['the time infinity', "'infinity'", POINT, 'location_reports_not_in_future'],
      [
        'the time -infinity',
        "'-infinity'",
        POINT,
        /location_reports_not_in_future|older than the history|timestamp out of range/,
      ],
      ['a time in the future', "now() + interval '11 minutes'", POINT, 'location_reports_not_in_future'],
      [
        'a time beyond all partitions',
        "now() + interval '100 days'",
        POINT,
        'location_reports_not_in_future',
      ],
      [
        'a time before the daily history',
        "now() - interval '367 days'",
        POINT,
        /a at .* is older than the history that is kept \(from /,
      ],
      ['no time', 'NULL', POINT, /null value in column "timestamp"/i],
      ['no place', 'now()', 'NULL', /null value in column "location"/i],
      ['a longitude beyond 180', 'now()', 'ST_SetSRID(ST_MakePoint(180.1, 0), 4326)', 'geo_point_in_range'],
      ['a latitude beyond 90', 'now()', 'ST_SetSRID(ST_MakePoint(0, -90.1), 4326)', 'geo_point_in_range'],
      [
        'a place that is not a number',
        'now()',
        `ST_SetSRID(ST_MakePoint('NaN', 0), 4326)`,
        'geo_point_in_range',
      ],
      ['a place at infinity', 'now()', `ST_SetSRID(ST_MakePoint(0, 'Infinity'), 4326)`, 'geo_point_in_range'],
    ])('with %s', async (_, moment, location, message) => {
      await expect(insert(moment, location)).rejects.toThrow(message);
    });

    it.each([
      ['a confidence of more than a byte', 'confidence', '300', 'location_reports_confidence_is_a_byte'],
      ['a negative confidence', 'confidence', '-1', 'location_reports_confidence_is_a_byte'],
      ['a status of more than a byte', 'status', '256', 'location_reports_status_is_a_byte'],
      ['a negative accuracy', 'horizontal_accuracy', '-0.1', 'location_reports_accuracy_in_metres'],
      [
        'an accuracy of more than half the circumference of the earth',
        'horizontal_accuracy',
        '20037508.5',
        'location_reports_accuracy_in_metres',
      ],
      ['an infinite accuracy', 'horizontal_accuracy', `'Infinity'`, 'location_reports_accuracy_in_metres'],
      [
        'an accuracy that is not a number',
        'horizontal_accuracy',
        `'NaN'`,
        'location_reports_accuracy_in_metres',
      ],
    ])('with %s, in time and late', async (_, column, value, message) => {
      await expect(insert('now()', POINT, column, value)).rejects.toThrow(message);
      await expect(insert("now() - interval '7 days'", POINT, column, value)).rejects.toThrow(message);
    });

    const hasPostgis = serverOf(engine)?.postgis === true;
    (hasPostgis ? it : it.skip)(
      `with an empty point${hasPostgis ? '' : ' [skipped: no PostGIS]'}`,
      async () => {
        await expect(insert('now()', `ST_GeomFromText('POINT EMPTY', 4326)`)).rejects.toThrow(
          'geo_point_in_range',
        );
      },
    );

    it('with the tracker and instant of another one', async () => {
      await expect(insertReports(db, kept.slice(0, 1))).rejects.toMatchObject({ code: '23505' });
    });

    it('in the ingest call, each with its reason, and accepts the rest', async () => {
      const day = 24 * 3_600_000;
      const now = Date.now();
      const good: TestReport = {
        key: 'a',
        at: at(today, -1, '11:00:00'),
        latitude: 1,
        longitude: 2,
        accuracy: 20_037_508,
      };
      const wrong: [string, Partial<TestReport>][] = [
        ['future', { at: new Date(now + 11 * 60_000) }],
        ['future', { at: new Date(now + 100 * day) }],
        ['older_than_retention', { at: new Date(now - 367 * day) }],
        ['older_than_retention', { at: new Date('0001-01-01T00:00:00Z') }],
        ['out_of_range', { latitude: 90.1 }],
        ['out_of_range', { longitude: -180.1 }],
        ['out_of_range', { latitude: Number.NaN }],
        ['out_of_range', { longitude: Infinity }],
        ['out_of_range', { confidence: 300 }],
        ['out_of_range', { confidence: -1 }],
        ['out_of_range', { accuracy: Number.NaN }],
        ['out_of_range', { accuracy: -1 }],
        ['out_of_range', { accuracy: 20_037_509 }],
        ['out_of_range', { accuracy: 1e308 }],
        ['null_island', { latitude: 0, longitude: 0 }],
      ];
      const ledger = await ingestReports(db, [
        ...wrong.map(([, change], i) => ({ ...good, at: new Date(good.at.getTime() + i), ...change })),
        good,
      ]);
      expect(ledger).toEqual({
        stored: 1,
        future: 2,
        older_than_retention: 2,
        out_of_range: 10,
        null_island: 1,
      });
      kept.push(good);
    });
  });

  describe('changes', () => {
    it.each([
      ['hashed_adv_key', `'b'`],
      ['timestamp', "timestamp + interval '1 hour'"],
      ['location', POINT],
    ])('like an UPDATE of %s', async (column, value) => {
      // TimescaleDB rejects it first if its policy has compressed the day already.
      const refusal = /cannot be changed; DELETE it and INSERT another|of a compressed chunk/;
      const update = `UPDATE location_reports SET ${column} = ${value}`;
      await expect(db.query(update)).rejects.toThrow(refusal);
      await expect(
        db.query(
          `INSERT INTO location_reports (hashed_adv_key, timestamp, location) VALUES ('a', $1, ${POINT})
           ON CONFLICT (hashed_adv_key, timestamp) DO UPDATE SET ${column} = excluded.${column}`,
          [kept[0]?.at],
        ),
      ).rejects.toThrow(refusal);
    });

    it('like TRUNCATE', async () => {
      await expect(db.query('TRUNCATE location_reports')).rejects.toThrow(
        'TRUNCATE of location_reports would lose history without a trace; DELETE the reports instead',
      );
    });
  });

  it('all of these without leaving a row', async () => {
    await expectHistoryOf(db, kept);
  });
});
