import { describe, expect, it } from '@jest/globals';
import { gpx, readAll } from '../testing/read-all.js';

const TIME = '<time>2025-05-30T22:00:24.674Z</time>';
const POINT = `<trkpt lat="53.8633265" lon="10.7011025"><ele>54.5</ele>${TIME}<src>network</src></trkpt>`;
const BASE = { timestamp: '2025-05-30T22:00:24.674Z', latitude: 53.8633265, longitude: 10.7011025 };
const DECODED = { ...BASE, altitude: 54.5 };

describe('GpxSource', () => {
  it('yields the points of all tracks and segments, with the line on which each starts', async () => {
    const { format, reports, rejected, error } = await readAll(
      gpx(
        `<metadata>${TIME}</metadata>\n<trk><name>x</name><trkseg>${POINT}</trkseg>\n<trkseg>${POINT}${POINT}</trkseg></trk>\r\n` +
          `<trk><trkseg>\n\n${POINT.replace('<trkpt ', '<trkpt\n')}</trkseg></trk>`,
      ),
    );
    expect(format).toBe('gpx');
    expect(reports).toEqual([3, 4, 4, 7].map((position) => ({ ...DECODED, position })));
    expect({ rejected, error }).toEqual({ rejected: [], error: undefined });
  });

  it('reads GPX 1.0, undeclared prefixes, single quotes, CDATA, comments, white space and a leading empty line', async () => {
    const { reports, error } = await readAll(
      `\n<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE gpx><!-- <kml> --><g:gpx version='1.0'><g:trk><g:trkseg>` +
        `<g:trkpt lon=' 10.7011025 ' lat='+53.8633265'><g:time>\n 2025-05-30T<!-- -->22:00:24<![CDATA[.674Z]]>\n</g:time></g:trkpt>` +
        `</g:trkseg></g:trk></g:gpx>`,
      3,
    );
    expect(error).toBeUndefined();
    expect(reports).toEqual([{ ...BASE, position: 2 }]);
  });

  it.each([
    ['<time>2025-05-30T22:00:24</time>', '2025-05-30T22:00:24.000Z'],
    ['<time>2025-05-31T00:00:24.5+02:00</time>', '2025-05-30T22:00:24.500Z'],
    [`<extensions><x:time>1999-01-01T00:00:00Z</x:time></extensions>${TIME}`, DECODED.timestamp],
    [`<extensions><trkpt lat="1" lon="2"/></extensions>${TIME}`, DECODED.timestamp],
    [`<time>2025-05-30T22:00:24<b>!</b>Z</time>`, '2025-05-30T22:00:24.000Z'],
  ])('reads the time of the point, in UTC: %s', async (content, timestamp) => {
    const { reports, rejected } = await readAll(
      gpx(`<trk><trkseg><trkpt lat="1" lon="2">${content}</trkpt></trkseg></trk>`),
    );
    expect(reports).toEqual([{ position: 2, latitude: 1, longitude: 2, timestamp }]);
    expect(rejected).toEqual([]);
  });

  it.each([
    ['<hdop>1.2</hdop>', undefined],
    ['<extensions><p:x><o:accuracy_horizontal>4.5</o:accuracy_horizontal></p:x></extensions>', 4.5],
    ['<extensions><t:hAcc>12</t:hAcc></extensions>', 12],
    ['<extensions><t:hAcc>-1</t:hAcc></extensions>', undefined],
    ['<extensions><t:hAcc>4,5</t:hAcc></extensions>', undefined],
    ['<extensions><t:hAcc>1</t:hAcc><t:hAcc>2</t:hAcc></extensions>', undefined],
  ])('reads an accuracy in metres only: %s', async (content, expected) => {
    const { reports } = await readAll(
      gpx(`<trk><trkseg><trkpt lat="1" lon="2">${TIME}${content}</trkpt></trkseg></trk>`),
    );
    expect(reports).toHaveLength(1);
    expect(reports[0]?.horizontalAccuracy).toBe(expected);
  });

  const within = (...elements: string[]): string =>
    `<extensions><gpxtpx:TrackPointExtension>${elements.join('')}</gpxtpx:TrackPointExtension></extensions>`;

  it.each([
    [
      'GPX 1.0',
      '<ele>54.79999923706055</ele><course>187.5</course><speed>0.44</speed><sat>9</sat>',
      { altitude: 54.79999923706055, speed: 0.44, course: 187.5 },
    ],
    [
      'TrackPointExtension',
      within(
        '<gpxtpx:speed>2.009</gpxtpx:speed>',
        '<gpxtpx:course>116.37</gpxtpx:course>',
        '<gpxtpx:hr>1</gpxtpx:hr>',
      ),
      { speed: 2.009, course: 116.37 },
    ],
    [
      'a course and a bearing',
      within('<gpxtpx:bearing>90</gpxtpx:bearing>', '<gpxtpx:course>45</gpxtpx:course>'),
      { course: 45 },
    ],
    [
      'GPSLogger, GPX 1.1',
      within('<gpxtpx:bearing>91.88</gpxtpx:bearing>', '<gpxtpx:speed>188.44</gpxtpx:speed>'),
      { speed: 188.44, course: 91.88 },
    ],
    [
      'OsmAnd',
      '<extensions><osmand:speed>1.4</osmand:speed><osmand:heading>42.0</osmand:heading></extensions>',
      { speed: 1.4 },
    ],
    [
      'gpxdata',
      '<extensions><gpxdata:speed>0.0089</gpxdata:speed><gpxdata:temp>23.9</gpxdata:temp></extensions>',
      { speed: 0.0089 },
    ],
    ['FitoTrack', '<extensions><speed>1</speed></extensions>', { speed: 1 }],
    [
      'PhoneTrack',
      '<extensions><speed>1.000</speed><course>360.000</course><batterylevel>79.50</batterylevel></extensions>',
      { speed: 1, course: 0, battery: 80 },
    ],
    ['GPSResults', '<speed>2.295</speed><cog>249.859</cog>', { speed: 2.295, course: 249.859 }],
    [
      'other extensions',
      '<extensions><a:Battery>7</a:Battery><a:motion>cycling</a:motion></extensions>',
      { battery: 7, motion: 'cycling' },
    ],
    [
      'the same value twice',
      `<speed>1.5</speed>${within('<gpxtpx:speed>1.5</gpxtpx:speed>')}`,
      { speed: 1.5 },
    ],
  ])('reads telemetry: %s', async (_, content, expected) => {
    const { reports } = await readAll(
      gpx(`<trk><trkseg><trkpt lat="1" lon="2">${TIME}${content}</trkpt></trkseg></trk>`),
    );
    expect(reports).toEqual([
      { position: 2, latitude: 1, longitude: 2, timestamp: BASE.timestamp, ...expected },
    ]);
  });

  it.each([
    ['two values', `<speed>1.5</speed>${within('<gpxtpx:speed>5.4</gpxtpx:speed>')}<ele>1</ele><ele>2</ele>`],
    ['a unit', '<ele>54.5 m</ele><extensions><speed>15 km/h</speed><battery>80 %</battery></extensions>'],
    ['an unknown value', '<ele>-9999</ele><speed>-1</speed><course>-1</course><battery>-1</battery>'],
    [
      'a value out of range',
      '<ele>100001</ele><speed>1001</speed><course>361</course><battery>255</battery>',
    ],
    ['empty values', '<ele/><speed></speed><course> </course><motion>unknown</motion>'],
    ['nested elements', '<speed><value>1</value></speed>'],
    ['an elevation of something else', '<extensions><ele>5</ele></extensions>'],
    ['a very long value', `<ele>${'9'.repeat(5000)}</ele>`],
  ])('leaves out %s, but keeps the position', async (_, content) => {
    const { reports, rejected } = await readAll(
      gpx(`<trk><trkseg><trkpt lat="1" lon="2">${TIME}${content}</trkpt></trkseg></trk>`),
    );
    expect(rejected).toEqual([]);
    expect(reports).toEqual([{ position: 2, latitude: 1, longitude: 2, timestamp: BASE.timestamp }]);
  });

  it.each(
    (
      [
        ['<trkpt lat="1" lon="2"/>', 'no_time', 'no <time>'],
        ['<trkpt lat="1" lon="2"><time> </time></trkpt>', 'no_time', 'no <time>'],
        [
          '<trkpt lat="1" lon="2"><time>yesterday</time></trkpt>',
          'undecodable',
          '<time> must be a time like 2025-06-17T08:30:00Z (got "yesterday")',
        ],
        [
          `<trkpt lat="1" lon="2"><time>${'9'.repeat(500)}</time></trkpt>`,
          'undecodable',
          'must be a time like',
        ],
        [`<trkpt lat="1" lon="2">${TIME}${TIME}</trkpt>`, 'undecodable', 'more than one <time>'],
        [`<trkpt lon="2">${TIME}</trkpt>`, 'no_position', 'no attribute lat'],
        [`<trkpt lat="1">${TIME}</trkpt>`, 'no_position', 'no attribute lon'],
        [
          `<trkpt lat="" lon="2">${TIME}</trkpt>`,
          'undecodable',
          'lat must be a number like 53.8633 (got "")',
        ],
        [
          `<trkpt lat="1" lon="10,7">${TIME}</trkpt>`,
          'undecodable',
          'lon must be a number like 53.8633 (got "10,7")',
        ],
        [
          `<trkpt lat="NaN" lon="2">${TIME}</trkpt>`,
          'undecodable',
          'lat must be a number like 53.8633 (got "NaN")',
        ],
        [
          `<trkpt lat="0x10" lon="2">${TIME}</trkpt>`,
          'undecodable',
          'lat must be a number like 53.8633 (got "0x10")',
        ],
        [
          `<trkpt lat="1e999" lon="2">${TIME}</trkpt>`,
          'undecodable',
          'lat must be a number like 53.8633 (got "1e999")',
        ],
        [
          `<wpt lat="1" lon="2">${TIME}</wpt>`,
          'not_a_report',
          '<wpt> is a waypoint, not a measured position',
        ],
        [`<rtept lat="1" lon="2">${TIME}</rtept>`, 'not_a_report', '<rtept> is a planned point'],
      ] as const
    ).map(([item, reason, message]) => ({ item, reason, message })),
  )('rejects: $reason, $message', async ({ item, reason, message }) => {
    const { reports, rejected } = await readAll(gpx(`<trk><trkseg>${POINT}\n${item}${POINT}</trkseg></trk>`));
    expect(reports.map(({ position }) => position)).toEqual([2, 3]);
    expect(rejected).toEqual([{ position: 3, reason, message: expect.stringContaining(message) }]);
  });

  it('yields the points before a truncation, then reports its position', async () => {
    const whole = gpx(`<trk><trkseg>\n${POINT}\n${POINT}\n${POINT}</trkseg></trk>`);
    const truncated = whole.slice(0, whole.lastIndexOf('<ele>') + 7);
    const { reports, error } = await readAll(truncated);
    expect(reports.map(({ position }) => position)).toEqual([3, 4]);
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'walk: the file ends in the middle of <ele> at line 5, column 49: the file is truncated',
      details: { source: 'walk', line: 5, column: 49 },
    });
  });

  it.each([
    [
      'an element that is not closed',
      `${POINT}</trk>`,
      'line 3, column 125: not well-formed XML: unexpected close tag',
    ],
    [
      'an unescaped &',
      `${POINT}<name>A & B</name>${POINT}`,
      'line 3: not well-formed XML: a literal & must be written as &amp;',
    ],
    [
      'text after the end',
      `${POINT}</trkseg></trk></gpx>\ntrash<`,
      'line 4, column 6: not well-formed XML: text data',
    ],
    ['a NUL', `${POINT}\u0000`, 'not well-formed XML: disallowed character'],
    ['elements without end', `${POINT}${'<a>'.repeat(200_000)}`, 'elements are nested more than 100 deep'],
    [
      'a tag without end',
      `${POINT}<a ${'b="c" '.repeat(400_000)}`,
      'more than 1048576 characters without a tag',
    ],
    [
      'a comment without end',
      `${POINT}<!-- ${'x'.repeat(2_000_000)}`,
      'more than 1048576 characters without a tag',
    ],
  ])('yields the points before %s, then reports the error', async (_, content, message) => {
    const { reports, error } = await readAll(gpx(`<trk><trkseg>\n${content}`));
    expect(reports).toHaveLength(1);
    expect(error?.code).toBe('BAD_USER_INPUT');
    expect(error?.message).toContain(message);
    expect(error?.details).toMatchObject({
      source: 'walk',
      line: expect.any(Number),
    });
  });

  it('neither expands entities of a DTD nor fetches external ones', async () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `<!ENTITY e${level + 1} "&e${level};&e${level};">`,
    ).join('\n');
    for (const entity of [levels, '<!ENTITY e30 SYSTEM "file:///etc/passwd">']) {
      const { reports, error } = await readAll(
        `<!DOCTYPE gpx [<!ENTITY e0 "ha">${entity}]>\n<gpx><trk><trkseg>${POINT}<trkpt lat="1" lon="2"><time>&e30;</time>`,
      );
      expect(reports).toHaveLength(1);
      expect(error?.message).toContain('a DTD is not read, and its entities are not expanded');
    }
  });

  it('recognizes another XML format after a long comment', async () => {
    const { error } = await readAll(`<!--${'x'.repeat(10_000)}-->\n<kml:kml><Placemark/></kml:kml>`);
    expect(error?.message).toContain('walk: this is a KML file; supported formats are NDJSON');
    expect(error?.details).toEqual({ source: 'walk', line: 2 });
  });
});
