import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import request from 'supertest';
import { Api, expectNothingInternal } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { historyToday } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { insertReports } from '../support/reports.js';
import { TestDatabase } from '../support/test-database.js';

/** Characters that are special in spreadsheets, XML and JSON. */
const NAME = '=HYPERLINK("http://x";"<&>\'")';
const CITY = '\'s-Hertogenbosch, "São"\n& Þ <b>';

describeOnEveryEngine('GET /export', (engine) => {
  let db: TestDatabase;
  let api: Api;
  let id = '';
  let today: Date;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    today = await historyToday(db);
    id = await db.register(NAME, 'exported');
    await db.register('another', 'another');
    await insertReports(db, [
      { key: 'exported', at: at(today, -5, '10:00:00'), latitude: -1.5, longitude: -0.0000001, city: CITY },
      { key: 'exported', at: at(today, -5, '09:00:00'), latitude: 5, longitude: 6 },
      { key: 'exported', at: at(today, -1, '10:15:00.123'), latitude: 51.5, longitude: -0.1278, accuracy: 12.5, confidence: 3 },
      { key: 'exported', at: at(today, -1, '10:45:00'), latitude: 52, longitude: 1, city: CITY },
      { key: 'another', at: at(today, -1, '10:15:00'), latitude: 1, longitude: 2 },
    ]); // prettier-ignore
    await db.settle();
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  async function download(
    file: string,
    query: Record<string, string> = {},
  ): Promise<{ status: number; type: string; disposition: string; text: string }> {
    const { status, headers, body } = (await request(api.server)
      .get(`/export/${file}`)
      .query({
        trackerId: id,
        startTime: at(today, -30, '00:00:00').toISOString(),
        endTime: today.toISOString(),
        ...query,
      })
      .buffer(true)
      .parse((response, done) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => done(null, Buffer.concat(pieces).toString()));
      })) as { status: number; headers: Record<string, unknown>; body: string };
    return {
      status,
      type: String(headers['content-type']),
      disposition: String(headers['content-disposition']),
      text: body,
    };
  }

  /** The history in the exported range: a day, and an hour of yesterday. */
  const expected = (): unknown[] => [
    { latitude: -1.5, longitude: -1e-7, timestamp: at(today, -5, '10:00:00').toISOString(), bucketSize: '1 day', reportCount: 2 },
    { latitude: 52, longitude: 1, timestamp: at(today, -1, '10:45:00').toISOString(), bucketSize: '1 hour', reportCount: 2 },
  ]; // prettier-ignore

  it('writes CSV that is safe to open in a spreadsheet and loses nothing', async () => {
    const { status, type, disposition, text } = await download('history.csv');
    expect(status).toBe(200);
    expect(type).toMatch(/^text\/csv; charset=utf-8/);
    expect(disposition).toBe(`attachment; filename="history-${id}.csv"`);
    expect(text.startsWith('\ufeff')).toBe(true);
    const rows = parse<Record<string, string>>(text, { bom: true, columns: true });
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row['tracker']).toBe(`'${NAME}`); // not a formula
      expect(row['nearestCity']).toBe(`'${CITY}`);
      expect(row['tracker']?.slice(1)).toBe(NAME);
      for (const value of Object.values(row)) expect(value).not.toMatch(/^[=+@\t\r]|^-(?![\d.])/);
    }
    expect(
      rows.map((row) => ({
        latitude: Number(row['latitude']),
        longitude: Number(row['longitude']),
        timestamp: row['timestamp'],
        bucketSize: row['bucketSize'],
        reportCount: Number(row['reportCount']),
      })),
    ).toEqual(expected());
  });

  it('writes the same positions as NDJSON and GeoJSON', async () => {
    const ndjson = await download('history.ndjson');
    expect(ndjson.type).toMatch(/^application\/x-ndjson/);
    const lines = ndjson.text.trimEnd().split('\n').map((line) => JSON.parse(line) as object); // prettier-ignore
    expect(lines).toEqual((expected() as object[]).map((row) => expect.objectContaining({ ...row, tracker: NAME, nearestCity: CITY }))); // prettier-ignore

    const geojson = await download('history.geojson');
    expect(geojson.type).toMatch(/^application\/geo\+json/);
    const { type, features } = JSON.parse(geojson.text) as {
      type: string;
      features: { geometry: unknown; properties: object }[];
    };
    expect(type).toBe('FeatureCollection');
    expect(features.map(({ geometry }) => geometry)).toEqual([
      { type: 'Point', coordinates: [-1e-7, -1.5] },
      { type: 'Point', coordinates: [1, 52] },
    ]);
    expect(features[0]?.properties).toMatchObject({ tracker: NAME, nearestCity: CITY });
  });

  it('escapes names and cities in GPX', async () => {
    const { type, text } = await download('history.gpx');
    expect(type).toMatch(/^application\/gpx\+xml/);
    expect(text).toContain(
      `<name>=HYPERLINK("http://x";"&lt;&amp;&gt;'")</name><trkseg>\n<trkpt lat="-1.5" lon="-0.0000001"><time>${at(today, -5, '10:00:00').toISOString()}</time>`,
    );
    expect(text).toContain('& Þ <b>'.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;'));
    expect(text.match(/<trkpt /g)).toHaveLength(2);
  });

  it('exports raw reports within their retention', async () => {
    const { text, disposition } = await download('history.ndjson', { detail: 'reports' });
    expect(disposition).toContain('reports-');
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    expect(lines.map(({ timestamp }) => timestamp)).toEqual([
      at(today, -1, '10:15:00.123').toISOString(),
      at(today, -1, '10:45:00').toISOString(),
    ]);
    expect(lines[0]).toMatchObject({ longitude: -0.1278, horizontalAccuracy: 12.5, confidence: 3 });
    expect(lines[0]).not.toHaveProperty('bucketSize');
  });

  describe('with telemetry', () => {
    const COLUMNS = ['timestamp', 'latitude', 'longitude', 'accuracy', 'altitude', 'speed', 'course', 'battery', 'motion',
      'imprecise', 'confidence', 'status', 'city'] as const; // prettier-ignore
    /** GPX has no elements for these. */
    const NOT_IN_GPX: readonly string[] = ['confidence', 'status', 'city'];
    let walker = '';
    let copies = 0;

    beforeAll(async () => {
      walker = await db.register('walker');
      const telemetry = { altitude: -3.5, speed: 0.0000001, course: 359.875, battery: 7, motion: 'walking' };
      await insertReports(db, [
        { key: 'walker', at: at(today, -1, '09:00:00.007'), latitude: 50, longitude: 8, accuracy: 12.5, confidence: 2, city: 'Mainz', ...telemetry },
        { key: 'walker', at: at(today, -1, '09:10:00'), latitude: 51, longitude: 9, accuracy: 3000, battery: 6 },
        { key: 'walker', at: at(today, -1, '11:00:00'), latitude: 52, longitude: 10, motion: 'driving', speed: 40, altitude: 100 },
      ]); // prettier-ignore
      await db.settle();
    });
    const file = async (format: string, detail: string): Promise<string> =>
      (await download(`history.${format}`, { trackerId: walker, detail })).text;
    const reportsOf = (key: string): Promise<Record<string, unknown>[]> =>
      db.query(
        `SELECT timestamp, ST_Y(location) AS latitude, ST_X(location) AS longitude, horizontal_accuracy AS accuracy, altitude,
           speed, course, battery, motion, imprecise, confidence, status, nearest_city AS city
         FROM location_reports WHERE hashed_adv_key = $1 ORDER BY timestamp`,
        [key],
      );

    it('writes the altitude as third coordinate in GeoJSON, and all telemetry in the properties', async () => {
      const { features } = JSON.parse(await file('geojson', 'reports')) as {
        features: { geometry: { coordinates: number[] }; properties: object }[];
      };
      expect(features.map(({ geometry }) => geometry.coordinates)).toEqual([[8, 50, -3.5], [9, 51], [10, 52, 100]]); // prettier-ignore
      expect(features[0]?.properties).toMatchObject({
        altitude: -3.5, speed: 1e-7, course: 359.875, battery: 7, motion: 'walking', imprecise: false,
      }); // prettier-ignore
      expect(features[1]?.properties).toMatchObject({ battery: 6, imprecise: true });
      expect(features[1]?.properties).not.toHaveProperty('altitude');
    });

    it('follows the element order of the GPX schema, and puts other fields in extensions', async () => {
      const points = (await file('gpx', 'reports')).split('\n').filter((line) => line.startsWith('<trkpt'));
      const time = (utc: string): string => `<time>${at(today, -1, utc).toISOString()}</time>`;
      expect(points).toEqual([
        `<trkpt lat="50" lon="8"><ele>-3.5</ele>${time('09:00:00.007')}<name>Mainz</name><src>sql</src><extensions>` +
          '<gpxtpx:TrackPointExtension><gpxtpx:speed>0.0000001</gpxtpx:speed><gpxtpx:course>359.875</gpxtpx:course>' +
          '</gpxtpx:TrackPointExtension><tracker:horizontal_accuracy>12.5</tracker:horizontal_accuracy>' +
          '<tracker:battery>7</tracker:battery><tracker:motion>walking</tracker:motion></extensions></trkpt>',
        `<trkpt lat="51" lon="9">${time('09:10:00')}<src>sql</src><extensions>` +
          '<tracker:horizontal_accuracy>3000</tracker:horizontal_accuracy><tracker:battery>6</tracker:battery></extensions></trkpt>',
        `<trkpt lat="52" lon="10"><ele>100</ele>${time('11:00:00')}<src>sql</src><extensions>` +
          '<gpxtpx:TrackPointExtension><gpxtpx:speed>40</gpxtpx:speed></gpxtpx:TrackPointExtension>' +
          '<tracker:motion>driving</tracker:motion></extensions></trkpt>',
      ]);
    });

    it.each(['ndjson', 'csv', 'geojson', 'gpx'])('writes %s that can be imported again', async (format) => {
      const copy = `copy ${++copies}`;
      await db.register(copy);
      const answer = await request(api.server)
        .post('/import/reports')
        .query({ tracker: copy })
        .type('application/octet-stream')
        .send(Buffer.from(await file(format, 'reports')));
      expect(answer.body).toMatchObject({ read: 3, stored: 3, rejected: 0 });
      const missing = format === 'gpx' ? NOT_IN_GPX : [];
      const columns = COLUMNS.filter((column) => !missing.includes(column));
      const values = (row: Record<string, unknown>): unknown =>
        columns.map((column) => [column, row[column]]);
      expect((await reportsOf(copy)).map(values)).toEqual((await reportsOf('walker')).map(values));
    });

    it('writes history whose import restores the reports that it shows', async () => {
      const copy = `copy ${++copies}`;
      await db.register(copy);
      const text = await file('ndjson', 'history');
      const hours = text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
      const time = (utc: string): string => at(today, -1, utc).toISOString();
      expect(hours).toMatchObject([
        { timestamp: time('09:00:00.007'), locatedAt: time('09:00:00.007'), lastReportAt: time('09:10:00'), battery: 7, imprecise: false },
        { timestamp: time('11:00:00'), locatedAt: time('11:00:00'), lastReportAt: time('11:00:00'), imprecise: false },
      ]); // prettier-ignore
      const answer = await request(api.server).post('/import/reports').query({ tracker: copy }).send(text);
      expect(answer.body).toMatchObject({ read: 2, stored: 2 });
      const [first, , third] = await reportsOf('walker');
      expect(await reportsOf(copy)).toEqual([first, third]);
    });
  });

  it('writes a valid empty document when there are no rows', async () => {
    const emptyRange = { endTime: at(today, -29, '00:00:00').toISOString() };
    expect(parse((await download('history.csv', emptyRange)).text, { bom: true })).toHaveLength(1);
    expect((await download('history.ndjson', emptyRange)).text).toBe('');
    expect(JSON.parse((await download('history.geojson', emptyRange)).text)).toMatchObject({ features: [] });
    expect((await download('history.gpx', emptyRange)).text).toMatch(
      /<trkseg>\n<\/trkseg><\/trk>\n<\/gpx>\n$/,
    );
  });

  describe('rejects', () => {
    it.each([
      ['an unknown format', 'history.xlsx', {}, 404, 'NOT_FOUND', /csv, geojson, gpx, ndjson/],
      ['the name of a property that every object has', 'history.constructor', {}, 404, 'NOT_FOUND', /There is no export/],
      ['an unknown tracker', 'history.csv', { trackerId: '987654321' }, 404, 'NOT_FOUND', /987654321/],
      ['an invalid id', 'history.csv', { trackerId: 'x' }, 400, 'BAD_USER_INPUT', /trackerId/],
      ['two ids', 'history.csv?trackerId=1', {}, 400, 'BAD_USER_INPUT', /trackerId must be given once/],
      ['an invalid time', 'history.csv', { startTime: 'garbage' }, 400, 'BAD_USER_INPUT', /startTime must be a time/],
      ['a time without offset', 'history.csv', { endTime: '2025-01-01' }, 400, 'BAD_USER_INPUT', /endTime/],
      ['an end before its start', 'history.csv', { endTime: '2001-01-01T00:00:00Z' }, 400, 'BAD_USER_INPUT', /before/],
      ['an unknown detail', 'history.csv', { detail: 'all' }, 400, 'BAD_USER_INPUT', /history, reports/],
    ])('%s', async (_what, file, query, status, code, message) => {
      const answer = await download(file, query);
      expect(answer.status).toBe(status);
      const { error } = JSON.parse(answer.text) as { error: { code: string; message: string } };
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
      expectNothingInternal(answer.text);
    }); // prettier-ignore
  });

  it('releases its connections, even when clients disconnect early', async () => {
    const { port } = api.server.address() as { port: number };
    await db.query(
      `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
       SELECT 'exported', $1::timestamptz + make_interval(secs => n), ST_SetSRID(ST_MakePoint(1, 2), 4326)
       FROM generate_series(1, 40000) AS n`,
      [at(today, -1, '11:00:00')],
    );
    const address =
      `http://127.0.0.1:${port}/export/history.ndjson?trackerId=${id}&detail=reports` +
      `&startTime=${at(today, -2, '00:00:00').toISOString()}&endTime=${at(today, 1, '00:00:00').toISOString()}`;
    for (let i = 0; i < 12; i++) {
      // More exports than the server runs at once, so each must end when its client disconnects.
      const response = await fetch(address);
      expect(response.status).toBe(200);
      await response.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const whole = await (await fetch(address)).text();
    expect(whole.trimEnd().split('\n')).toHaveLength(40_002);
    expect(
      await db.value<number>(
        "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
      ),
    ).toBe(0);
  });
});
