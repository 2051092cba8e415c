import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectNothingInternal } from '../support/application.js';
import { ImportScene } from '../support/scenes/import-scene.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { REAL_DATA } from '../support/real-files.js';
import { at, expectedHistory, type HistoryRow, type TestReport } from '../support/history-oracle.js';
import { type Ended, runCli } from '../support/processes.js';
import { expectHistoryOf, readHistory } from '../support/history.js';

const REAL_FILES = ['gpslogger-2025-05-31.gpx', 'gpslogger-2025-06-17.gpx']
  .map((name) => join(REAL_DATA, 'real', name))
  .filter((file) => existsSync(file));

/** Altitude of every point of gpx(), in metres. */
const ALTITUDE = 54.5;
const atAltitude = (reports: readonly TestReport[]): TestReport[] =>
  reports.map((report) => ({ ...report, altitude: ALTITUDE }));

/** A GPX file as GPSLogger writes it. */
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
  const scene = new ImportScene(engine, { env: { DAILY_RETENTION_DAYS: '1095' } });
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'import-cli-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (args: string[], stdin?: string | Buffer): Promise<Ended> =>
    runCli(['import', ...args], { DATABASE_URL: scene.db.url, DAILY_RETENTION_DAYS: '1095' }, stdin);
  const writeInput = (name: string, content: string | Buffer): string => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  /** One report per minute, starting at a given time. */
  const walk = (from: Date, length: number): TestReport[] =>
    Array.from({ length }, (_, i) => ({
      key: scene.key,
      at: new Date(from.getTime() + i * 60_000),
      latitude: 50 + i / 1000,
      longitude: 8,
    }));

  it('imports NDJSON, prints the ledger, and stores nothing twice', async () => {
    const reports = [
      ...walk(at(scene.today, -1, '10:00:00'), 100),
      {
        ...(walk(at(scene.today, -1, '20:00:00'), 1)[0] as TestReport),
        confidence: 3,
        accuracy: 7.5,
        city: 'Köln',
      },
      ...walk(at(scene.today, -30, '23:50:00'), 20),
    ];
    const file = writeInput('walk.ndjson', ndjson([...reports, reports[0] as TestReport]));

    const first = await run([file]);
    expect(first.stdout).toBe(`${file}: 122 read = 101 stored + 20 late + 1 duplicate + 0 rejected\n`);
    expect(first.code).toBe(0);
    await expectHistoryOf(scene.db, reports);

    const second = await run([file]);
    expect(second.stdout).toBe(`${file}: 122 read = 0 stored + 0 late + 122 duplicate + 0 rejected\n`);
    expect(second.code).toBe(0);
    await expectHistoryOf(scene.db, reports);
    expect(await scene.db.value('SELECT last_report_received IS NOT NULL FROM trackers')).toBe(true);
  });

  it('imports GPX for a named tracker, plain and gzipped, from files and standard input', async () => {
    const morning = walk(at(scene.today, -1, '06:00:00'), 90);
    const evening = walk(at(scene.today, -1, '18:00:00'), 30);
    const files = [
      writeInput('morning.gpx', gpx(morning)),
      writeInput('evening.bin', gzipSync(gpx(evening))),
    ];
    const { code, stdout } = await run(['--tracker', scene.key, ...files]);
    expect(stdout).toBe(
      `${files[0]}: 90 read = 90 stored + 0 late + 0 duplicate + 0 rejected\n` +
        `${files[1]}: 30 read = 30 stored + 0 late + 0 duplicate + 0 rejected\n`,
    );
    expect(code).toBe(0);

    const night = walk(at(scene.today, -1, '22:00:00'), 10);
    const piped = await run(['-', '--tracker', scene.key], gzipSync(gpx([...evening, ...night])));
    expect(piped.stdout).toBe('-: 40 read = 10 stored + 0 late + 30 duplicate + 0 rejected\n');
    expect(piped.code).toBe(0);
    await expectHistoryOf(scene.db, atAltitude([...morning, ...evening, ...night]));
  });

  it('imports a truncated file, reports where it was cut, and completes it from the whole file', async () => {
    const reports = walk(at(scene.today, -1, '01:00:00'), 500);
    const whole = gpx(reports);
    const cutAt = whole.indexOf('<trkpt', whole.length / 2) + 20;
    const cut = writeInput('cut.gpx', whole.slice(0, cutAt));
    const before = whole.slice(0, cutAt).match(/<\/trkpt>/g)?.length ?? 0;
    const lines = whole.slice(0, cutAt).split('\n');

    const broken = await run(['--tracker', scene.key, cut]);
    expect(broken.stdout).toBe(
      `${cut}: ${before} read = ${before} stored + 0 late + 0 duplicate + 0 rejected\n`,
    );
    const cutPosition = `in the middle of <trkpt> at line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}: the file is truncated`;
    expect(broken.stderr).toContain(`BAD_USER_INPUT: ${cut}: the file ends ${cutPosition}`);
    expect(broken.stderr).toContain('the whole file may be imported again');
    expectNothingInternal(broken.stderr);
    expect(broken.code).toBe(1);
    await expectHistoryOf(scene.db, atAltitude(reports.slice(0, before)));

    const complete = await run(['--tracker', scene.key, writeInput('whole.gpx', whole)]);
    expect(complete.stdout).toContain(
      `500 read = ${500 - before} stored + 0 late + ${before} duplicate + 0 rejected`,
    );
    expect(complete.code).toBe(0);
    await expectHistoryOf(scene.db, atAltitude(reports));
  });

  it('imports a truncated gzip file up to the cut', async () => {
    const reports = walk(at(scene.today, -1, '01:00:00'), 2000);
    const gzipped = gzipSync(ndjson(reports));
    const file = writeInput('cut.ndjson.gz', gzipped.subarray(0, gzipped.length / 2));
    const { code, stdout, stderr } = await run([file]);
    const [, read, stored] = /: (\d+) read = (\d+) stored \+ 0 late \+ 0 duplicate/.exec(stdout) ?? [];
    expect(Number(read)).toBeGreaterThan(100);
    expect(Number(stored)).toBeLessThan(2000);
    expect(stderr).toMatch(/^BAD_USER_INPUT: .*cut\.ndjson\.gz: .*gzip/m);
    expect(code).toBe(1);
    await expectHistoryOf(scene.db, reports.slice(0, Number(stored)));
  });

  it('continues with the next file after an unreadable one', async () => {
    const reports = walk(at(scene.today, -1, '10:00:00'), 3);
    const good = writeInput('good.ndjson', ndjson(reports));
    const bad = [
      join(folder, 'missing.gpx'),
      folder,
      writeInput('empty', ''),
      writeInput('notes.txt', 'nothing but a few words\n'),
    ];
    const { code, stdout, stderr } = await run([...bad, good]);
    expect(stdout).toBe(`${good}: 3 read = 3 stored + 0 late + 0 duplicate + 0 rejected\n`);
    const failures = stderr.split('\n').filter((line) => line.startsWith('BAD_USER_INPUT'));
    expect(failures).toHaveLength(4);
    bad.forEach((file, i) => expect(failures[i]).toContain(`BAD_USER_INPUT: ${file}`));
    expectNothingInternal(stderr);
    expect(code).toBe(1);
    await expectHistoryOf(scene.db, reports);
  });

  it('rejects an unknown tracker', async () => {
    const file = writeInput('unknown.ndjson', ndjson(walk(at(scene.today, -1, '10:00:00'), 3)));
    const { code, stdout, stderr } = await run(['--tracker', 'nobody', file]);
    expect(stderr).toBe('NOT_FOUND: There is no tracker named "nobody"\n');
    expect(stdout).toBe('');
    expect(code).toBe(1);
    await expectHistoryOf(scene.db, []);
  });

  it.each([
    [['import'], /missing required argument 'file'/],
    [['import', '--nonsense', 'x'], /unknown option '--nonsense'/],
    [['import', 'x', '--tracker'], /argument missing/],
    [['nonsense'], /unknown command 'nonsense'/],
    [[], /Usage: tracker/],
  ])('rejects the arguments %j', async (args, expectedError) => {
    const { code, stdout, stderr } = await runCli(args, { DATABASE_URL: scene.db.url });
    expect(stderr).toMatch(expectedError);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('prints help', async () => {
    const { code, stdout } = await runCli(['import', '--help'], {});
    expect(stdout).toMatch(/Imports reports from files: NDJSON, CSV, GPX/);
    expect(code).toBe(0);
  });

  describe('with reports of old days', () => {
    it('merges them into the daily history once', async () => {
      const reports = walk(new Date('2025-03-30T00:30:00Z'), 2000); // across a change to daylight saving time
      const file = writeInput('old.gpx', gpx(reports));
      const first = await run(['--tracker', scene.key, file]);
      expect(first.stdout).toBe(`${file}: 2000 read = 0 stored + 2000 late + 0 duplicate + 0 rejected\n`);
      await expectHistoryOf(scene.db, atAltitude(reports));
      const history = await readHistory(scene.db);
      expect(history.map(({ bucket, reports: n }) => [bucket.slice(0, 10), n])).toEqual([
        ['2025-03-30', 1410],
        ['2025-03-31', 590],
      ]);
      const second = await run(['--tracker', scene.key, file]);
      expect(second.stdout).toBe(`${file}: 2000 read = 0 stored + 0 late + 2000 duplicate + 0 rejected\n`);
      expect(await readHistory(scene.db)).toEqual(history);
    });

    if (REAL_FILES.length === 0) {
      it.skip(`counts each report of real files once (skipped: none in ${REAL_DATA}, TEST_REAL_DATA)`, () =>
        undefined);
    } else {
      it.each(REAL_FILES.map((file) => [basename(file), file]))(
        'counts each report of %s once',
        async (_name, file) => {
          const points = readFileSync(file, 'utf8').matchAll(
            /<trkpt lat="([^"]+)" lon="([^"]+)">(?:(?!<\/trkpt>)[\s\S])*?<time>([^<]+)<\/time>/g,
          );
          const reports: TestReport[] = [...points].map(([, lat, lon, time]) => ({
            key: scene.key,
            at: new Date(String(time)),
            latitude: Number(lat),
            longitude: Number(lon),
          }));
          const positions = new Map<number, string>();
          let repeated = 0;
          for (const { at: moment, latitude, longitude } of reports) {
            if (!positions.has(moment.getTime())) positions.set(moment.getTime(), `${latitude} ${longitude}`);
            else if (positions.get(moment.getTime()) === `${latitude} ${longitude}`) repeated += 1;
          }
          const conflicting = reports.length - positions.size - repeated;
          expect(positions.size).toBeGreaterThan(2000);

          const first = await run(['--tracker', scene.key, file]);
          process.stderr.write(first.stdout);
          const summary = (late: number, duplicate: number): string =>
            `${file}: ${reports.length} read = 0 stored + ${late} late + ${duplicate} duplicate + ${conflicting} rejected`;
          expect(first.stdout.split('\n')[0]).toBe(summary(positions.size, repeated));
          expect(first.code).toBe(0);
          const history = await readHistory(scene.db);
          const compared = ({ size, bucket, reports: n, lastReportAt, latitude }: HistoryRow): unknown => [
            size,
            bucket,
            n,
            lastReportAt,
            latitude,
          ];
          expect(history.map(compared)).toEqual(expectedHistory(reports, scene.today).map(compared));

          const second = await run(['--tracker', scene.key, file]);
          expect(second.stdout.split('\n')[0]).toBe(summary(0, positions.size + repeated));
          expect(await readHistory(scene.db)).toEqual(history);
        },
      );
    }
  });
});
