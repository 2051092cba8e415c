import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseErrorCode, violatedConstraint } from '../../src/common/errors/pg-errors.js';
import { Api, expectNothingInternal } from '../support/application.js';
import { HISTORY, historyQuery } from '../support/history-answers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { runCli } from '../support/processes.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { insertReports } from '../support/reports.js';
import { whenVisible } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describeOnEveryEngine('the validation of reports', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let today: Date;
  let folder = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bad-input-'));
    db = await TestDatabase.create(engine);
    await db.register('good');
    api = await Api.start(db);
    today = await historyToday(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
    rmSync(folder, { recursive: true });
  });

  const minutesFromNow = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

  describe('in an SQL INSERT', () => {
    const insert = (timestamp: string, longitude: string, latitude: string, more = ''): string =>
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location${more && ', confidence'})
       VALUES ('good', now() - interval '1 minute', ST_SetSRID(ST_MakePoint(1, 2), 4326)${more && ', 1'}),
         ('good', '${timestamp}', ST_SetSRID(ST_MakePoint(${longitude}, ${latitude}), 4326)${more})`;
    const hourAgo = minutesFromNow(-60);

    it.each([
      ['longitude 200', insert(hourAgo, '200', '1'), '23514', 'geo_point_in_range'],
      ['latitude -90.1', insert(hourAgo, '1', '-90.1'), '23514', 'geo_point_in_range'],
      ['longitude NaN', insert(hourAgo, `'NaN'`, '1'), '23514', 'geo_point_in_range'],
      ['latitude Infinity', insert(hourAgo, '1', `'Infinity'`), '23514', 'geo_point_in_range'],
      [
        '11 minutes in the future',
        insert(minutesFromNow(11), '1', '2'),
        '23514',
        'location_reports_not_in_future',
      ],
      ['the time infinity', insert('infinity', '1', '2'), '23514', 'location_reports_not_in_future'],
      [
        'a time before the retention of history',
        insert('2015-01-01T00:00:00Z', '1', '2'),
        '23514',
        'location_reports_not_too_old',
      ],
      [
        'confidence 256',
        insert(hourAgo, '1', '2', ', 256'),
        '23514',
        'location_reports_confidence_is_a_byte',
      ],
      ['no time', insert(hourAgo, '1', '2').replace(/'20[^']*'/, 'NULL'), '23502', undefined],
      ['no position', insert(hourAgo, 'NULL', '2'), '23502', undefined],
    ])('rejects the whole statement because of %s', async (_what, sql, state, constraint) => {
      const failure: unknown = await db.query(sql).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Error);
      expect(databaseErrorCode(failure)).toBe(state);
      if (constraint !== undefined) expect(violatedConstraint(failure)).toBe(constraint);
      expect(await db.value('SELECT count(*) FROM location_reports')).toBe(0);
      expect(await db.value('SELECT count(*) FROM location_history_days')).toBe(0);
    });

    it('accepts a time 9 minutes in the future, because clocks are not exact', async () => {
      await insertReports(db, [{ key: 'good', at: new Date(minutesFromNow(9)), latitude: 1, longitude: 2 }]);
      expect(await db.value('SELECT count(*) FROM location_reports')).toBe(1);
      await db.query('DELETE FROM location_reports');
    });
  });

  it('rejects invalid reports of an import with their reasons, and stores the others', async () => {
    const good = (minutes: number): object => ({
      tracker: 'good',
      timestamp: at(today, -1, '10:00:00').getTime() + minutes * 60_000,
      latitude: 50 + minutes,
      longitude: 8,
    });
    const lines: (object | string)[] = [
      good(0),
      { ...good(1), longitude: 200 },
      { ...good(2), latitude: -91 },
      { ...good(3), latitude: 'NaN' },
      '{"tracker":"good","timestamp":"2026-01-01T00:00:00Z","latitude":NaN,"longitude":1}',
      { ...good(5), timestamp: minutesFromNow(15) },
      { ...good(6), timestamp: '2015-01-01T00:00:00Z' },
      { ...good(7), timestamp: 'yesterday' },
      { ...good(8), latitude: 0, longitude: 0 },
      { ...good(9), tracker: 'nobody' },
      { ...good(10), confidence: 300 },
      'garbage',
      good(12),
      good(12),
    ];
    const file = join(folder, 'mixed.ndjson');
    writeFileSync(
      file,
      lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
    );

    const { code, stdout, stderr } = await runCli(['import', file], { DATABASE_URL: db.url });
    const [summary, ...rejections] = stdout.trimEnd().split('\n');
    expect(summary).toBe(`${file}: 14 read = 2 stored + 0 late + 1 duplicate + 11 rejected`);
    expect(rejections.map((line) => line.trim()).sort()).toEqual([
      'rejected as future: 1 (first at line 6)',
      'rejected as null_island: 1 (first at line 9)',
      'rejected as older_than_retention: 1 (first at line 7)',
      'rejected as out_of_range: 3 (first at line 2)',
      expect.stringMatching(
        /^rejected as undecodable: 4 \(first at line 4: latitude must be a number \(got "NaN"\)\)$/,
      ),
      expect.stringMatching(
        /^rejected as unknown_tracker: 1 \(first at line 10: there is no tracker named "nobody"\)$/,
      ),
    ]);
    expect(code).toBe(0);
    expectNothingInternal(stderr);
    const stored = 'SELECT ST_Y(location) AS y FROM location_reports ORDER BY timestamp';
    expect(await db.query(stored)).toEqual([{ y: 50 }, { y: 62 }]);
    await whenVisible(engine, async () => {
      const query = historyQuery({
        startTime: `"${at(today, -1, '00:00:00').toISOString()}"`,
        endTime: `"${at(today, 1, '00:00:00').toISOString()}"`,
      }).replace('{ id }', '{ reportCount location { latitude } }');
      expect(await api.data(query)).toEqual({ [HISTORY]: [{ reportCount: 2, location: { latitude: 62 } }] });
    });
  });
});
