import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectNothingInternal } from '../support/api.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { expectedHistory, type HistoryRow, type TestReport } from '../support/history-oracle.js';
import { type Ended, ROOT, runCli } from '../support/product.js';
import { at, expectHistoryOf, historyToday, readHistory } from '../support/scenario.js';
import { TestDatabase } from '../support/test-database.js';

const REAL_DATA = process.env['TEST_REAL_DATA'] ?? join(ROOT, '..', 'shared', 'data');
const REAL_FILES = ['gpslogger-2025-05-31.gpx', 'gpslogger-2025-06-17.gpx']
  .map((name) => join(REAL_DATA, 'real', name))
  .filter((file) => existsSync(file));

/** Metres; of every point of gpx(). */
const ALTITUDE = 54.5;
const atAltitude = (reports: readonly TestReport[]): TestReport[] =>
  reports.map((report) => ({ ...report, altitude: ALTITUDE }));

/** A file of GPSLogger's form. */
function gpx(reports: readonly TestReport[]): string {
  const points = reports.map(
    ({ at: moment, latitude, longitude }) =>
      `<trkpt lat="${latitude}" lon="${longitude}"><ele>${ALTITUDE}</ele><time>${moment.toISOString()}</time><src>gps</src></trkpt>`,
  );
  return `<?xml version="1.0" encoding="UTF-8" ?><gpx version="1.0" xmlns="http://www.topografix.com/GPX/1/0">
<time>2025-05-30T22:00:24.674Z</time><trk><name>a &amp; b</name><trkseg>
${points.join('\n')}
</trkseg></trk></gpx>`;
}

function ndjson(reports: readonly TestReport[]): string {
  return reports
    .map(({ key, at: moment, latitude, longitude, confidence, accuracy, city }) =>
      JSON.stringify({
        hashedAdvKey: key,
        timestamp: moment.toISOString(),
        latitude,
        longitude,
        confidence,
        horizontalAccuracy: accuracy,
        nearestCity: city,
      }),
    )
    .join('\n');
}

describeOnEveryEngine('tracker import', (engine) => {
  let db: TestDatabase;
  let today: Date;
  let folder = '';
  let key = '';
  let count = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'import-cli-'));
    db = await TestDatabase.create(engine, { env: { DAILY_RETENTION_DAYS: '1095' } });
    today = await historyToday(db);
  });
  afterAll(async () => {
    await db.drop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await db.query('DELETE FROM trackers');
    key = `key ${++count}`;
    await db.register(key);
  });

  const run = (args: string[], stdin?: string | Buffer): Promise<Ended> =>
    runCli(['import', ...args], { DATABASE_URL: db.url, DAILY_RETENTION_DAYS: '1095' }, stdin);
  const put = (name: string, content: string | Buffer): string => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  /** One report a minute from a moment on. */
  const walk = (from: Date, length: number): TestReport[] =>
    Array.from({ length }, (_, i) => ({
      key,
      at: new Date(from.getTime() + i * 60_000),
      latitude: 50 + i / 1000,
      longitude: 8,
    }));

  it('takes NDJSON in, says what became of it, and takes nothing twice', async () => {
    const reports = [
      ...walk(at(today, -1, '10:00:00'), 100),
      {
        ...(walk(at(today, -1, '20:00:00'), 1)[0] as TestReport),
        confidence: 3,
        accuracy: 7.5,
        city: 'Köln',
      },
      ...walk(at(today, -30, '23:50:00'), 20),
    ];
    const file = put('walk.ndjson', ndjson([...reports, reports[0] as TestReport]));

    const first = await run([file]);
    expect(first.stdout).toBe(`${file}: 122 read = 101 stored + 20 late + 1 duplicate + 0 rejected\n`);
    expect(first.code).toBe(0);
    await expectHistoryOf(db, reports);

    const second = await run([file]);
    expect(second.stdout).toBe(`${file}: 122 read = 0 stored + 0 late + 122 duplicate + 0 rejected\n`);
    expect(second.code).toBe(0);
    await expectHistoryOf(db, reports);
    expect(await db.value('SELECT last_report_received IS NOT NULL FROM trackers')).toBe(true);
  });

  it('takes GPX of a named tracker, plain and gzipped, from files and from standard input', async () => {
    const morning = walk(at(today, -1, '06:00:00'), 90);
    const evening = walk(at(today, -1, '18:00:00'), 30);
    const files = [put('morning.gpx', gpx(morning)), put('evening.bin', gzipSync(gpx(evening)))];
    const { code, stdout } = await run(['--tracker', key, ...files]);
    expect(stdout).toBe(
      `${files[0]}: 90 read = 90 stored + 0 late + 0 duplicate + 0 rejected\n` +
        `${files[1]}: 30 read = 30 stored + 0 late + 0 duplicate + 0 rejected\n`,
    );
    expect(code).toBe(0);

    const night = walk(at(today, -1, '22:00:00'), 10);
    const piped = await run(['-', '--tracker', key], gzipSync(gpx([...evening, ...night])));
    expect(piped.stdout).toBe('-: 40 read = 10 stored + 0 late + 30 duplicate + 0 rejected\n');
    expect(piped.code).toBe(0);
    await expectHistoryOf(db, atAltitude([...morning, ...evening, ...night]));
  });

  it('takes in what stands before a cut, says where the cut is, and counts each report once when the whole file comes', async () => {
    const reports = walk(at(today, -1, '01:00:00'), 500);
    const whole = gpx(reports);
    const cutAt = whole.indexOf('<trkpt', whole.length / 2) + 20;
    const cut = put('cut.gpx', whole.slice(0, cutAt));
    const before = whole.slice(0, cutAt).match(/<\/trkpt>/g)?.length ?? 0;
    const lines = whole.slice(0, cutAt).split('\n');

    const broken = await run(['--tracker', key, cut]);
    expect(broken.stdout).toBe(
      `${cut}: ${before} read = ${before} stored + 0 late + 0 duplicate + 0 rejected\n`,
    );
    const place = `in the middle of <trkpt> at line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}: it was cut`;
    expect(broken.stderr).toContain(`BAD_USER_INPUT: ${cut}: the file ends ${place}`);
    expect(broken.stderr).toContain('the whole file may be imported again');
    expectNothingInternal(broken.stderr);
    expect(broken.code).toBe(1);
    await expectHistoryOf(db, atAltitude(reports.slice(0, before)));

    const complete = await run(['--tracker', key, put('whole.gpx', whole)]);
    expect(complete.stdout).toContain(
      `500 read = ${500 - before} stored + 0 late + ${before} duplicate + 0 rejected`,
    );
    expect(complete.code).toBe(0);
    await expectHistoryOf(db, atAltitude(reports));
  });

  it('takes a cut gzip file as far as it goes', async () => {
    const reports = walk(at(today, -1, '01:00:00'), 2000);
    const packed = gzipSync(ndjson(reports));
    const file = put('cut.ndjson.gz', packed.subarray(0, packed.length / 2));
    const { code, stdout, stderr } = await run([file]);
    const [, read, stored] = /: (\d+) read = (\d+) stored \+ 0 late \+ 0 duplicate/.exec(stdout) ?? [];
    expect(Number(read)).toBeGreaterThan(100);
    expect(Number(stored)).toBeLessThan(2000);
    expect(stderr).toMatch(/^BAD_USER_INPUT: .*cut\.ndjson\.gz: .*gzip/m);
    expect(code).toBe(1);
    await expectHistoryOf(db, reports.slice(0, Number(stored)));
  });

  it('goes on with the next file after one that cannot be read', async () => {
    const reports = walk(at(today, -1, '10:00:00'), 3);
    const good = put('good.ndjson', ndjson(reports));
    const bad = [
      join(folder, 'missing.gpx'),
      folder,
      put('empty', ''),
      put('notes.txt', 'nothing but a few words\n'),
    ];
    const { code, stdout, stderr } = await run([...bad, good]);
    expect(stdout).toBe(`${good}: 3 read = 3 stored + 0 late + 0 duplicate + 0 rejected\n`);
    const failures = stderr.split('\n').filter((line) => line.startsWith('BAD_USER_INPUT'));
    expect(failures).toHaveLength(4);
    bad.forEach((file, i) => expect(failures[i]).toContain(`BAD_USER_INPUT: ${file}`));
    expectNothingInternal(stderr);
    expect(code).toBe(1);
    await expectHistoryOf(db, reports);
  });

  it('does not know an unknown tracker', async () => {
    const file = put('unknown.ndjson', ndjson(walk(at(today, -1, '10:00:00'), 3)));
    const { code, stdout, stderr } = await run(['--tracker', 'nobody', file]);
    expect(stderr).toBe('NOT_FOUND: There is no tracker named "nobody"\n');
    expect(stdout).toBe('');
    expect(code).toBe(1);
    await expectHistoryOf(db, []);
  });

  it.each([
    [['import'], /missing required argument 'file'/],
    [['import', '--nonsense', 'x'], /unknown option '--nonsense'/],
    [['import', 'x', '--tracker'], /argument missing/],
    [['nonsense'], /unknown command 'nonsense'/],
    [[], /Usage: tracker/],
  ])('is called wrongly by %j', async (args, said) => {
    const { code, stdout, stderr } = await runCli(args, { DATABASE_URL: db.url });
    expect(stderr).toMatch(said);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, stdout } = await runCli(['import', '--help'], {});
    expect(stdout).toMatch(/Imports reports from files: NDJSON, CSV, GPX/);
    expect(code).toBe(0);
  });

  describe('of old days', () => {
    it('merges them into the daily history, once', async () => {
      const reports = walk(new Date('2025-03-30T00:30:00Z'), 2000); // over a change to daylight saving time
      const file = put('old.gpx', gpx(reports));
      const first = await run(['--tracker', key, file]);
      expect(first.stdout).toBe(`${file}: 2000 read = 0 stored + 2000 late + 0 duplicate + 0 rejected\n`);
      await expectHistoryOf(db, atAltitude(reports));
      const history = await readHistory(db);
      expect(history.map(({ bucket, reports: n }) => [bucket.slice(0, 10), n])).toEqual([
        ['2025-03-30', 1410],
        ['2025-03-31', 590],
      ]);
      const second = await run(['--tracker', key, file]);
      expect(second.stdout).toBe(`${file}: 2000 read = 0 stored + 0 late + 2000 duplicate + 0 rejected\n`);
      expect(await readHistory(db)).toEqual(history);
    });

    if (REAL_FILES.length === 0) {
      it.skip(`is not tried with real files: there are none in ${REAL_DATA} (TEST_REAL_DATA)`, () =>
        undefined);
    } else {
      it.each(REAL_FILES.map((file) => [basename(file), file]))(
        'counts each report of %s once',
        async (_name, file) => {
          const points = readFileSync(file, 'utf8').matchAll(
            /<trkpt lat="([^"]+)" lon="([^"]+)">(?:(?!<\/trkpt>)[\s\S])*?<time>([^<]+)<\/time>/g,
          );
          const reports: TestReport[] = [...points].map(([, lat, lon, time]) => ({
            key,
            at: new Date(String(time)),
            latitude: Number(lat),
            longitude: Number(lon),
          }));
          const places = new Map<number, string>();
          let repeated = 0;
          for (const { at: moment, latitude, longitude } of reports) {
            if (!places.has(moment.getTime())) places.set(moment.getTime(), `${latitude} ${longitude}`);
            else if (places.get(moment.getTime()) === `${latitude} ${longitude}`) repeated += 1;
          }
          const conflicting = reports.length - places.size - repeated;
          expect(places.size).toBeGreaterThan(2000);

          const first = await run(['--tracker', key, file]);
          process.stderr.write(first.stdout);
          const sum = (late: number, duplicate: number): string =>
            `${file}: ${reports.length} read = 0 stored + ${late} late + ${duplicate} duplicate + ${conflicting} rejected`;
          expect(first.stdout.split('\n')[0]).toBe(sum(places.size, repeated));
          expect(first.code).toBe(0);
          const history = await readHistory(db);
          const days = ({ size, bucket, reports: n, lastReportAt, latitude }: HistoryRow): unknown => [
            size,
            bucket,
            n,
            lastReportAt,
            latitude,
          ];
          expect(history.map(days)).toEqual(expectedHistory(reports, today).map(days));

          const second = await run(['--tracker', key, file]);
          expect(second.stdout.split('\n')[0]).toBe(sum(0, places.size + repeated));
          expect(await readHistory(db)).toEqual(history);
        },
      );
    }
  });
});
