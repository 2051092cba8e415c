import { describe, expect, it } from '@jest/globals';
import { readAll } from '../testing/read-all.js';

const DECODED = { timestamp: '2025-06-17T08:30:00.000Z', latitude: 53.86, longitude: 10.7 };
const TIME = '2025-06-17T08:30:00Z';
const table = (header: string, ...rows: string[]): string => [header, ...rows, ''].join('\n');

describe('CSV', () => {
  it('finds all fields by column name, and leaves out empty ones', async () => {
    const { format, reports, rejected } = await readAll(
      table(
        'Tracker,Timestamp,Latitude,Longitude,Confidence,Horizontal Accuracy (m),Status,Nearest City,hashed_adv_key,altitude',
        `Schlüssel,${TIME},53.86,10.7,3,12.5,0,Lübeck,q83v,7`,
        `,${TIME},53.86,10.7,,,,,,`,
        `a,${TIME},53.86,10.7,high,-1,moving,,,`,
      ),
    );
    expect(format).toBe('csv');
    expect(rejected).toEqual([]);
    expect(reports).toEqual([
      {
        ...DECODED,
        position: 2,
        tracker: 'Schlüssel',
        hashedAdvKey: 'q83v',
        confidence: 3,
        horizontalAccuracy: 12.5,
        status: 0,
        nearestCity: 'Lübeck',
        altitude: 7,
      },
      { ...DECODED, position: 3 },
      { ...DECODED, position: 4, tracker: 'a' },
    ]);
    expect(Object.keys(reports[1] ?? {})).toHaveLength(4);
  });

  it.each([
    ['semicolon and decimal comma', 'lat;lon;time', `53,86;10,7;${TIME}`],
    ['tab', 'lat\tlon\ttime', `53.86\t10.7\t${TIME}`],
    ['bar', 'lat|lon|time', ` 53.86 | 10.7 | ${TIME} `],
    ['comma and quoted decimal comma', '"lat","lon","time"', `"53,86", "10,7","${TIME}"`],
    ['sep=', 'sep=;\nlat;lon;time', `53.86;10.7;${TIME}`],
    ['a title and a comment', 'My walk\n# from a phone\n\nlat,lon,time', `53.86,10.7,${TIME}`],
    ['byte order mark and CRLF', '\uFEFF"lat","lon","time"\r', `53.86,10.7,${TIME}\r`],
    ['degrees times 1e7', 'latitudeE7,longitudeE7,time', `538600000,107000000,${TIME}`],
    ['direction after', 'lat,lon,time', `53.86N,10.7 e,${TIME}`],
    ['direction before, degree sign', 'lat,lon,time', `N 53.86°,E10.7°,${TIME}`],
    ['names with prefixes', 'location.latitude,gps_lon,event_time,recorded_at', `53.86,10.7,x,${TIME}`],
    ['Traccar', 'id,deviceId,serverTime,deviceTime,fixTime,latitude,longitude', `1,,x,y,${TIME},53.86,10.7`],
    ['additional empty fields', 'lat,lon,time', `53.86,10.7,${TIME},,`],
    ['missing fields that are not imported', 'lat,lon,time,note,more', `53.86,10.7,${TIME}`],
  ])('reads a table with %s', async (_, header, row) => {
    for (const chunkSize of [1, 65_536]) {
      const { format, reports, rejected, error } = await readAll(table(header, row), chunkSize);
      expect({ format, rejected, error }).toEqual({ format: 'csv', rejected: [], error: undefined });
      expect(reports).toEqual([{ ...DECODED, position: header.split('\n').length + 1 }]);
    }
  });

  it.each([
    ['altitude', '-12.5', { altitude: -12.5 }],
    ['Alt (m)', '7', { altitude: 7 }],
    ['elevation_m', '7', { altitude: 7 }],
    ['altitude(ft)', '1000', { altitude: 304.8 }],
    ['altitude_feet', '1000', { altitude: 304.8 }],
    ['location.altitude', '7', { altitude: 7 }],
    ['altitude_accuracy', '7', {}],
    ['altitude_furlongs', '7', {}],
    ['altitude', '7 m', {}],
    ['altitude', '100001', {}],
    ['speed', '4.5', { speed: 4.5 }],
    ['velocity', '4.5', { speed: 4.5 }],
    ['speed(m/s)', '4.5', { speed: 4.5 }],
    ['gps_speed', '4.5', { speed: 4.5 }],
    ['speed_kmh', '36', { speed: 10 }],
    ['speed (km/h)', '36', { speed: 10 }],
    ['speedKph', '36', { speed: 10 }],
    ['speed_in_kmh', '36', { speed: 10 }],
    ['speed_mph', '60', { speed: 26.822 }],
    ['speed_knots', '10', { speed: 5.144 }],
    ['Speed [kn]', '10', { speed: 5.144 }],
    ['speed_kts', '10', { speed: 5.144 }],
    ['speed,speed_kmh', '36,36', { speed: 10 }],
    ['speed_mach', '1', {}],
    ['speed_accuracy', '1', {}],
    ['vel', '36', {}],
    ['speed', '36 km/h', {}],
    ['speed', '-1', {}],
    ['course', '187.5', { course: 187.5 }],
    ['heading', '360', { course: 0 }],
    ['bearing(deg)', '159', { course: 159 }],
    ['direction', '0', { course: 0 }],
    ['direction', 'NW', {}],
    ['COG', '90', { course: 90 }],
    ['course_rad', '1.5', {}],
    ['course', '-1', {}],
    ['battery', '94', { battery: 94 }],
    ['batt', '94', { battery: 94 }],
    ['battery_level', '79.6', { battery: 80 }],
    ['Battery Level (%)', '94', { battery: 94 }],
    ['battery_percent', '94', { battery: 94 }],
    ['battery', '94%', {}],
    ['battery_mV', '94', {}],
    ['battery_voltage', '3.9', {}],
    ['battery', '255', {}],
    ['motion', 'walking', { motion: 'walking' }],
    ['activity', 'IN_VEHICLE', { motion: 'driving' }],
    ['activity', 'TILTING', {}],
    ['motion', 'true', {}],
  ])('reads the column %s: %s', async (names, values, expected) => {
    const { reports, rejected } = await readAll(
      table(`lat,lon,time,${names}`, `53.86,10.7,${TIME},${values}`),
    );
    expect(rejected).toEqual([]);
    expect(reports).toEqual([{ ...DECODED, position: 2, ...expected }]);
  });

  it('reads decimal commas in columns other than the position', async () => {
    const { reports } = await readAll(
      table('lat;lon;time;altitude;speed_kmh;course', `53,86;10,7;${TIME};12,5;3,6;187,5`),
    );
    expect(reports).toEqual([{ ...DECODED, position: 2, altitude: 12.5, speed: 1, course: 187.5 }]);
  });

  it.each([
    ['fixTime,deviceId,protocol,', `${TIME},,osmand,`],
    ['fixTime,deviceId,', `${TIME},,`],
    ['serverTime,fixTime,', `x,${TIME},`],
  ])('reads the speed of Traccar in knots, and ignores its battery in volts: %s', async (names, values) => {
    const { reports } = await readAll(
      table(
        `${names}latitude,longitude,altitude,speed,course,battery,batteryLevel,motion`,
        `${values}53.86,10.7,12.0,10.0,90.0,3.9,80,true`,
      ),
    );
    expect(reports).toEqual([
      { ...DECODED, position: 2, altitude: 12, speed: 5.144, course: 90, battery: 80 },
    ]);
    const volts = await readAll(table(`${names}latitude,longitude,battery`, `${values}53.86,10.7,3.9`));
    expect(volts.reports).toEqual([{ ...DECODED, position: 2 }]);
  });

  it('accepts rows that lack telemetry, but not rows that lack a position', async () => {
    const rows = `lat,lon,time,note,battery\n53.86,10.7,${TIME},x,94\n53.86,10.7,${TIME}\n`;
    expect((await readAll(rows)).reports).toEqual([
      { ...DECODED, position: 2, battery: 94 },
      { ...DECODED, position: 3 },
    ]);
    const truncated = await readAll(`lat,lon,time,battery\n53.86,10.7,${TIME},94\n53.86,10.7,${TIME},9`);
    expect(truncated.reports).toHaveLength(1);
    expect(truncated.rejected).toMatchObject([{ position: 3, reason: 'undecodable' }]);
  });

  it.each([
    ['timestamp', '1750149000'],
    ['timestamp', '1750149000.000'],
    ['tst', '1750149000000'],
    ['time_ms', '1750149000000'],
    ['time', '2025-06-17 08:30:00 UTC'],
    ['time', '2025-06-17 10:30:00+02'],
    ['time', '2025-06-17 10:30:00 +0200'],
    ['time (UTC)', '2025-06-17 08:30:00'],
    ['UTC', '2025-06-17T08:30:00.000'],
    ['datetime_gmt', '2025-06-17T08:30:00'],
    ['date,time', '2025-06-17,08:30:00Z'],
    ['time,date', `${TIME},17.06.2025`],
    ['date,utc time', '2025-06-17,08:30:00'],
    ['unixtime,time', '1,1750149000'],
  ])('reads the time from %s: %s', async (names, values) => {
    const { reports, rejected } = await readAll(table(`lat,lon,${names}`, `53.86,10.7,${values}`));
    expect(rejected).toEqual([]);
    expect(reports).toEqual([{ ...DECODED, position: 2 }]);
  });

  it.each(
    (
      [
        [`,10.7,${TIME},`, 'no_position', 'lat is missing'],
        [`53.86, ,${TIME},`, 'no_position', 'lon is missing'],
        ['53.86,10.7,,', 'no_time', 'time is missing'],
        ['53.86,10.7,2025-06-17 08:30:00,', 'undecodable', 'time "2025-06-17 08:30:00" has no offset'],
        ['53.86,10.7,17.06.2025 08:30,', 'undecodable', 'must be a time like'],
        ['53.86,10.7,-,', 'undecodable', 'time must be a time like 2025-06-17T08:30:00Z (got "-")'],
        [`north,10.7,${TIME},`, 'undecodable', 'lat must be a number like 53.8633 (got "north")'],
        [`"1,2,3",10.7,${TIME},`, 'undecodable', 'lat must be a number like 53.8633 (got "1,2,3")'],
        [
          `53.86 E,10.7,${TIME},`,
          'undecodable',
          'lat must be a number with a sign, or with the direction N or S (got "53.86 E")',
        ],
        [
          `-53.86 S,10.7,${TIME},`,
          'undecodable',
          'lat must be a number with a sign, or with the direction N or S (got "-53.86 S")',
        ],
        [
          `53.86,10.7,${TIME},Main St, 5,Town`,
          'undecodable',
          'the row has 6 fields, the header has 4; is a field',
        ],
        [`53.86,10.7`, 'undecodable', 'the row has 2 fields, the header has 4'],
        [`0x10,10.7,${TIME},`, 'undecodable', 'lat must be a number like 53.8633 (got "0x10")'],
      ] as const
    ).map(([row, reason, message]) => ({ row, reason, message })),
  )('rejects an invalid row and continues: $reason, $message', async ({ row, reason, message }) => {
    const good = `53.86,10.7,${TIME},x`;
    const { reports, rejected, error } = await readAll(table('lat,lon,time,note', good, row, good));
    expect(error).toBeUndefined();
    expect(reports.map(({ position }) => position)).toEqual([2, 4]);
    expect(rejected).toMatchObject([{ position: 3, reason, message: expect.stringContaining(message) }]);
  });

  it('counts lines across blank lines and line breaks within quotes', async () => {
    const row = `53.86,10.7,${TIME}`;
    for (const end of ['\n', '\r\n', '\r']) {
      const rows = [
        'lat,lon,time,note',
        `${row},x`,
        '',
        '  ',
        `${row},"a\r\nb\n""c""\n"`,
        `${row},x`,
        `${row},"\r\n"`,
        `1,,,`,
        `${row},x`,
      ];
      const { reports, rejected } = await readAll(rows.join(end) + end, 5);
      expect(reports.map(({ position }) => position)).toEqual([2, 5, 9, 10, 13]);
      expect(rejected.map(({ position }) => position)).toEqual([12]);
    }
  });

  it('keeps quotes within fields', async () => {
    const { reports, error } = await readAll(
      table('tracker,lat,lon,time', `a 5" b,53.86,10.7,${TIME}`, `"a"b,53.86,10.7,${TIME}`),
    );
    expect(error).toBeUndefined();
    expect(reports.map(({ tracker }) => tracker)).toEqual(['a 5" b', '"a"b']);
  });

  it.each([
    [
      'not closed',
      `53.86,10.7,${TIME},"x\n53.86,10.7,${TIME},y\n`,
      'line 3: the row that begins here has an opening " without a closing one',
    ],
    [
      'long',
      `53.86,10.7,${TIME},"${'x\n'.repeat(50_000)}`,
      'line 3: the row that begins here is longer than 65536 bytes',
    ],
  ])('yields the rows before a quote that is %s, then reports its line', async (_, rows, message) => {
    const { reports, error } = await readAll(table('lat,lon,time,note', `53.86,10.7,${TIME},`) + rows);
    expect(reports).toHaveLength(1);
    expect(error?.code).toBe('BAD_USER_INPUT');
    expect(error?.message).toContain(`walk: ${message}`);
    expect(error?.details).toEqual({ source: 'walk', line: 3 });
  });

  it('accepts a last row without line end, unless it seems truncated', async () => {
    const rows = (last: string): string =>
      `time,lat,lon\n${TIME},53.86,10.7000\n${TIME},53.86,10.7001\n${last}`;
    expect((await readAll(rows(`${TIME},53.86,10.7002`))).reports).toHaveLength(3);
    for (const last of [`${TIME},53.86,10.70`, `${TIME},53.86,`, `${TIME},53.86`, `${TIME},5`, TIME, '2']) {
      const { reports, rejected } = await readAll(rows(last));
      expect(reports).toHaveLength(2);
      expect(rejected).toMatchObject([
        {
          position: 4,
          reason: 'undecodable',
          message: 'the file ends within this row: the file is truncated, or a line end is missing',
        },
      ]);
      const ended = await readAll(`${rows(last)}\n`);
      expect(ended.rejected.map(({ message }) => message).join()).not.toContain('ends within');
    }
  });

  it('keeps the text of rejected rows', async () => {
    const { rejected } = await readAll(table('lat;lon;time', `;"10,7";${TIME}`, `1;2;3;4;5;6`));
    expect(rejected.map(({ rawText }) => rawText)).toEqual([`;10,7;${TIME}`, '1;2;3;4']);
  });

  it('rejects only the rows whose names are not UTF-8', async () => {
    const latin1 = Buffer.from(
      table('device,lat,lon,time', `L\u00fcbeck,53.86,10.7,${TIME}`, `a,53.86,10.7,${TIME}`),
      'latin1',
    );
    const { reports, rejected } = await readAll(latin1);
    expect(reports).toHaveLength(1);
    expect(rejected).toMatchObject([
      { position: 2, message: expect.stringContaining('must be valid UTF-8 text') },
    ]);
  });
});
