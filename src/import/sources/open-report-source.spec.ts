import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { openReportSource } from './open-report-source.js';
import { gpx, readAll } from './testing/read-all.js';

const LINE = '{"timestamp":"2025-06-17T08:30:00Z","latitude":53.86,"longitude":10.7}\n';
const MESSAGE = '{"_type":"location","lat":53.86,"lon":10.7,"tst":1709283789}';
const POINT = '{"type":"Point","coordinates":[10.7,53.86]}';
const FEATURE = `{"type":"Feature","geometry":${POINT},"properties":{"timestamp":"2025-06-17T08:30:00Z"}}`;
const RECORD = '{"latitudeE7":525121303,"longitudeE7":134309551,"timestamp":"2013-04-15T06:31:26.860Z"}';
const GPX = gpx(
  `<trk><trkseg>${'<trkpt lat="1" lon="2"><time>2025-05-30T22:00:24Z</time></trkpt>\n'.repeat(50)}</trkseg></trk>`,
);

describe('openReportSource', () => {
  it.each([
    ['NDJSON', LINE, 'ndjson'],
    ['NDJSON with an invalid first line', `{"timestamp"\n${LINE}`, 'ndjson'],
    ['NDJSON with fields that look like other formats', LINE.replace('}', ',"_type":"location"}'), 'ndjson'],
    ['NDJSON with such fields first', LINE.replace('{', '{"type":"Point","_type":"location",'), 'ndjson'],
    ['GPX', GPX, 'gpx'],
    ['GPX with byte order mark and white space', `\uFEFF \r\n${GPX}`, 'gpx'],
    ['OwnTracks after unknown keys', `{"a":{"type":"Feature"},${MESSAGE.slice(1)}`, 'owntracks'],
    ['ocat with its count last', `{"locations":[${MESSAGE}],"count":1}`, 'owntracks'],
    ['Overland after unknown lists', `{"x":[{"latitudeE7":1}],"locations":[${FEATURE}]}`, 'overland'],
    [
      'Records whose first items have no position',
      `{"locations":[{"a":1},{"timestamp":"x"},${RECORD}]}`,
      'google-records',
    ],
    [
      'Records with white space and byte order mark',
      `\uFEFF \n{\r\n "locations"\t:\n[ ${RECORD} ] }`,
      'google-records',
    ],
    ['GeoJSON with its type last', `{"features":[${FEATURE}],"type":"FeatureCollection"}`, 'geojson'],
    [
      'a GeoJSON feature with its type last',
      `{"properties":{"tst":1},"geometry":${POINT},"type":"Feature"}`,
      'geojson',
    ],
    [
      'GeoJSON after more keys',
      `{"crs":{"type":"name"},"bbox":[1,2],"type":"FeatureCollection","features":[${FEATURE}]}`,
      'geojson',
    ],
  ])('detects %s by its content', async (_, content, format) => {
    for (const chunkSize of [1, 65_536]) {
      for (const bytes of [Buffer.from(content), gzipSync(content)]) {
        const reading = await readAll(bytes, chunkSize);
        expect(reading.format).toBe(format);
        expect(reading.reports.length).toBeGreaterThan(0);
        expect(reading.error).toBeUndefined();
      }
    }
  });

  it('detects the kind of JSON within the first 64 KiB only', async () => {
    const after = (length: number): string => `{"a":"${'x'.repeat(length)}","locations":[${RECORD}]}`;
    expect(await readAll(after(60_000))).toMatchObject({ format: 'google-records', error: undefined });
    expect(
      (await readAll(`{\n"a":"${'x'.repeat(100_000)}","locations":[${RECORD}]}`)).error?.message,
    ).toContain('a JSON document of an unknown kind');
  });

  it('reports where JSON of an unknown kind is truncated', async () => {
    expect((await readAll('{"a": 1,\n "locations": [')).error?.message).toContain(
      'this is a JSON document of an unknown kind (with the keys "a", "locations"), and the file ends within it at line 2, column 16: the file is truncated',
    );
    expect((await readAll('{\n a: 1\n}')).error?.message).not.toContain('truncated');
  });

  it.each([
    ['an empty file', ''],
    ['an empty file', gzipSync('')],
    ['a file of white space only', ' \n\t'],
    ['65536 bytes of white space', ' '.repeat(70_000)],
    ['a JSON document of an unknown kind (with the keys "a")', '{\n "a": 1\n}'],
    ['a JSON document of an unknown kind (with the keys "data")', '{"data":[{"lat":1}]}'],
    ['a Google Semantic Location History JSON document', '{\n"timelineObjects": [{"placeVisit":{}}]}'],
    [
      'a table whose first line does not name a column for the time',
      'name,lat,lon\n2024-03-01T09:03:09Z,1,2\n',
    ],
    ['a table whose first line does not name', '2024-03-01T09:03:09Z;1;2\n2024-03-01T09:03:10Z;1;2\n'],
    ['a JSON list', '[[[['],
    ['a list of accessories with their private keys', '[{"name":"x","privateKey":"SECRET"}]'],
    ['an HTML page', '<!DOCTYPE html>\n<html lang=en><body>Log in</body></html>'],
    ['a KML file', '<?xml version="1.0"?><!-- x --><kml xmlns="http://www.opengis.net/kml/2.2"/>'],
    ['a Garmin TCX file', '<TrainingCenterDatabase xmlns="x">'],
    ['an XML document of another kind (<note>)', '<note/>'],
    ['a zip archive', Buffer.from('504b030414000000', 'hex')],
    ['a PNG image', Buffer.from('89504e470d0a1a0a', 'hex')],
    ['UTF-16 text', Buffer.from('\uFEFF<gpx/>', 'utf16le')],
    ['UTF-16 text', Buffer.from('<gpx/>', 'utf16le')],
    ['gzip within gzip', gzipSync(gzipSync(LINE))],
    ['a Garmin FIT file', Buffer.from('0e10d90710270000.FIT'.replace('.FIT', '2e464954'), 'hex')],
    ['an NMEA log', '$GPRMC,123519,A,4807.038,N'],
    ['binary data', Buffer.from([1, 2, 3, 0, 5])],
    ['text in an unknown format', 'Dear all,\n'],
  ])('rejects %s, and lists the supported formats', async (description, content) => {
    const { error } = await readAll(content);
    expect(error?.code).toBe('BAD_USER_INPUT');
    expect(error?.message).toContain(`walk: this is ${description}`);
    expect(error?.message).toContain('supported formats are NDJSON, CSV, GPX, GeoJSON, OwnTracks');
    expect(error?.message).not.toContain('SECRET');
  });

  it('yields what truncated gzip data contains, then reports the truncation', async () => {
    const content = Array.from({ length: 3000 }, (_, i) => LINE.replace('53.86', String(i / 100))).join('');
    const whole = gzipSync(content);
    const { reports, error } = await readAll(whole.subarray(0, -9));
    expect(reports.length).toBeGreaterThan(2990);
    expect(error?.message).toBe('walk: the gzip data is truncated');
    const firstHalf = await readAll(whole.subarray(0, whole.length / 2));
    expect(firstHalf.reports.length).toBeGreaterThan(1000);
    expect(firstHalf.error?.message).toContain('the gzip data is truncated');
    expect((await readAll(whole.subarray(0, 5))).error?.message).toContain('the gzip data is truncated');
  });

  it('reports damaged gzip, and reads all members of concatenated gzip', async () => {
    const damaged = gzipSync(LINE.repeat(1000));
    damaged.fill(0xff, damaged.length - 8);
    const { reports, error } = await readAll(damaged);
    // zlib holds back at most the last 16 KiB, which are not verified.
    expect(reports.length).toBeGreaterThan(750);
    expect(error?.message).toContain('the gzip data is damaged');
    expect((await readAll(Buffer.concat([gzipSync(LINE), gzipSync(LINE)]))).reports).toHaveLength(2);
  });

  it('passes on errors of the input unchanged', async () => {
    const openDirectory = openReportSource('x', createReadStream(tmpdir()));
    await expect(openDirectory).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(openReportSource('x', createReadStream('/nowhere'))).rejects.toMatchObject({
      code: 'ENOENT',
    });

    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const broken = Readable.from(
      (function* () {
        yield Buffer.from(LINE);
        throw cause;
      })(),
    );
    const source = await openReportSource('x', broken);
    await expect(source.batches()[Symbol.asyncIterator]().next()).resolves.toMatchObject({ done: false });
    const again = await openReportSource('x', failingAfter([LINE, LINE], cause));
    await expect(drain(again.batches())).rejects.toBe(cause);
  });

  it.each([
    ['plain', (content: string) => Buffer.from(content)],
    ['gzip', (content: string) => gzipSync(content, { level: 0 })],
  ])(
    'does not read ahead of its consumer, and destroys the input when the consumer stops: %s',
    async (_, pack) => {
      const chunks = split(pack(LINE.repeat(100_000)), 65_536);
      let read = 0;
      const input = Readable.from(
        (function* () {
          for (const chunk of chunks) {
            read++;
            yield chunk;
          }
        })(),
        { highWaterMark: 1 },
      );
      const source = await openReportSource('x', input);
      for await (const batch of source.batches()) {
        expect(batch.reports.length).toBeLessThan(2000);
        for (let turn = 0; turn < 50; turn++) {
          await setImmediate();
        }
        break;
      }
      expect(read).toBeLessThan(6);
      expect(chunks.length).toBeGreaterThan(100);
      expect(input.destroyed).toBe(true);
    },
  );

  it('destroys an input that it rejects', async () => {
    const input = Readable.from([Buffer.from('Dear all,'), Buffer.from('x')]);
    await expect(openReportSource('x', input)).rejects.toThrow('text in an unknown format');
    expect(input.destroyed).toBe(true);
  });

  it('yields a body in one buffer in batches of bounded size', async () => {
    const source = await openReportSource('x', Readable.from([Buffer.from(LINE.repeat(50_000))]));
    let [most, sum] = [0, 0];
    for await (const { reports } of source.batches()) {
      most = Math.max(most, reports.length);
      sum += reports.length;
    }
    expect(sum).toBe(50_000);
    expect(most).toBeLessThan(2000);
  });
});

function failingAfter(texts: string[], cause: Error): Readable {
  return Readable.from(
    (function* () {
      yield* texts.map((text) => Buffer.from(text));
      throw cause;
    })(),
  );
}

function split(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

async function drain(batches: AsyncIterable<unknown>): Promise<void> {
  for await (const batch of batches) {
    expect(batch).toBeDefined();
  }
}
