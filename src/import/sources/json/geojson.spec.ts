import { describe, expect, it } from '@jest/globals';
import { readAll } from '../testing/read-all.js';

const BASE = { timestamp: '2025-06-17T08:30:00.000Z', latitude: 53.86, longitude: 10.7 };
const DECODED = { ...BASE, altitude: 12 };

interface Feature {
  geometry?: unknown;
  properties?: unknown;
}

const point = (properties: unknown = { timestamp: '2025-06-17T08:30:00Z' }): Feature & { type: string } => ({
  type: 'Feature',
  geometry: { type: 'Point', coordinates: [10.7, 53.86, 12] },
  properties,
});
const line = (
  coordinates: unknown,
  properties: unknown,
  type = 'LineString',
): Feature & { type: string } => ({
  type: 'Feature',
  properties,
  geometry: { type, coordinates },
});
const collection = (...features: unknown[]): string =>
  JSON.stringify({ type: 'FeatureCollection', features });

describe('GeoJSON', () => {
  it('reads the longitude first, and fields by the names of table columns', async () => {
    const properties = {
      time: 1_750_149_000,
      Accuracy: 12.5,
      'device-id': 'Łódź',
      tid: 'xx',
      confidence: 2,
      city: 'Lübeck',
      status: 'moving',
    };
    const { format, reports, rejected } = await readAll(collection(point(properties)));
    expect(format).toBe('geojson');
    expect(reports).toEqual([
      {
        ...DECODED,
        position: 1,
        horizontalAccuracy: 12.5,
        tracker: 'Łódź',
        confidence: 2,
        nearestCity: 'Lübeck',
      },
    ]);
    expect(rejected).toEqual([]);
  });

  it.each([
    [{ timestamp: '2025-06-17T10:30:00+02:00' }],
    [{ tst: 1_750_149_000 }],
    [{ time: 1_750_149_000_000 }],
    [{ datetime: '1750149000.000' }],
    [{ timestampMs: '1750149000000' }],
    [{ date: '2025-06-17', time: '08:30:00Z' }],
    [{ fixTime_utc: '2025-06-17 08:30:00' }],
  ])('reads the time from %j', async (properties) => {
    const { reports, rejected } = await readAll(collection(point(properties)));
    expect(rejected).toEqual([]);
    expect(reports).toEqual([{ ...DECODED, position: 1 }]);
  });

  it('yields each position of a MultiPoint or a line with times', async () => {
    const coordinates = [
      [10.7, 53.86],
      [10.8, 53.87],
    ];
    const times = ['2025-06-17T08:30:00Z', 1_750_149_001];
    const { reports, rejected } = await readAll(
      collection(
        line(coordinates, { coordTimes: times, device: 'a' }),
        line(coordinates, { coordinateProperties: { times } }, 'MultiPoint'),
        line([coordinates, coordinates], { coordTimes: [times, times] }, 'MultiLineString'),
      ),
    );
    expect(rejected).toEqual([]);
    expect(reports).toHaveLength(8);
    expect(reports.slice(0, 2)).toEqual([
      { ...BASE, position: 1, tracker: 'a' },
      { position: 1, tracker: 'a', timestamp: '2025-06-17T08:30:01.000Z', latitude: 53.87, longitude: 10.8 },
    ]);
  });

  it('reads the properties of a point by the names of table columns', async () => {
    const time = '2025-06-17T08:30:00Z';
    const { reports, rejected } = await readAll(
      collection(
        point({ time, altitude: 7.5, speed: 1.5, course: 360, batteryLevel: 54.6, motion: ['x', 'walking'] }),
        point({
          time,
          'Altitude (ft)': 100,
          speed_kmh: '36',
          heading: '90',
          batt: 0,
          activity: 'ON_BICYCLE',
        }),
        point({ time, altitude: 'high', speed: -1, course: 361, battery: 101, motion: true }),
        point({ time, altitude: null, speed: [], bearing: {}, battery: '', motion: [] }),
      ),
    );
    expect(rejected).toEqual([]);
    expect(reports).toEqual([
      { ...BASE, position: 1, altitude: 7.5, speed: 1.5, course: 0, battery: 55, motion: 'walking' },
      { ...BASE, position: 1, altitude: 30.48, speed: 10, course: 90, battery: 0, motion: 'cycling' },
      { ...DECODED, position: 1 },
      { ...DECODED, position: 1 },
    ]);
  });

  it('reads the altitude of each position of a line, not the properties of the whole line', async () => {
    const coordinates = [[10.7, 53.86, 5], [10.7, 53.86, null], [10.7, 53.86, 1e6], [10.7, 53.86]]; // prettier-ignore
    const properties = { altitude: 900, speed: 12, course: 10, battery: 5, motion: 'running', accuracy: 4 };
    const { reports, rejected } = await readAll(
      collection(line(coordinates, { ...properties, coordTimes: coordinates.map(() => 1_750_149_000) })),
    );
    const expected = { ...BASE, position: 1, horizontalAccuracy: 4 };
    expect(rejected).toEqual([]);
    expect(reports).toEqual([{ ...expected, altitude: 5 }, expected, expected, expected]);
  });

  it('rejects an invalid position of a line, but not the others', async () => {
    const { reports, rejected } = await readAll(
      collection(
        line(
          [
            [1, 2],
            ['3', 4],
            [5, 6],
          ],
          { coordTimes: [1, 2, "3 o'clock"] },
        ),
      ),
    );
    expect(reports).toHaveLength(1);
    expect(rejected.map(({ message }) => message)).toEqual([
      'features[0], position 2: the coordinates must be [longitude, latitude] (got ["3", 4])',
      expect.stringContaining(
        'features[0], position 3: time 3 must be a time like 2025-06-17T08:30:00Z (got \"3 o\'clock\")',
      ),
    ]);
  });

  it.each(
    (
      [
        [line([[1, 2]], {}), 'no_time', 'the 1 positions have no times (coordTimes)'],
        [line([[1, 2]], { coordTimes: [1, 2] }), 'undecodable', 'there are 1 positions but 2 times'],
        [line('x', { coordTimes: [1] }), 'undecodable', 'expected a list (got "x")'],
        [point({}), 'no_time', 'the time is missing'],
        [point(null), 'no_time', 'the time is missing'],
        [point({ timestamp: null }), 'no_time', 'timestamp is missing'],
        [point({ timestamp: '2025-06-17T08:30:00' }), 'undecodable', 'has no offset'],
        [point({ timestamp: [1] }), 'undecodable', 'timestamp must be text or a number (got a list)'],
        [{ type: 'Feature', properties: {}, geometry: null }, 'no_position', 'the geometry is missing'],
        [
          { type: 'Feature', properties: {}, geometry: 7 },
          'undecodable',
          'the geometry must be an object (got 7)',
        ],
        [line([], {}, 'Polygon'), 'not_a_report', 'the geometry must be a point or a line (got "Polygon")'],
        [line([], {}, 'toString'), 'not_a_report', 'the geometry must be a point or a line'],
        [
          { ...point(), geometry: { type: 'Point', coordinates: [1e999, 1] } },
          'undecodable',
          '[longitude, latitude]',
        ],
        [{ ...point(), geometry: { type: 'Point' } }, 'undecodable', '(got undefined)'],
        [7, 'undecodable', 'the feature must be an object (got 7)'],
        [null, 'undecodable', 'the feature must be an object (got null)'],
      ] as const
    ).map(([item, reason, message]) => ({ item, reason, message })),
  )('rejects: $reason, $message', async ({ item, reason, message }) => {
    const { reports, rejected, error } = await readAll(collection(point(), item, point()));
    expect(error).toBeUndefined();
    expect(reports).toHaveLength(2);
    expect(rejected).toMatchObject([{ position: 1, reason, message: expect.stringContaining(message) }]);
    expect(rejected[0]?.message).toMatch(/^features\[1\]: /);
  });

  it('reads a single feature, one feature per line, a list, or a bare geometry', async () => {
    const feature = JSON.stringify(point());
    for (const [content, positions] of [
      [feature, [1]],
      [JSON.stringify(point(), null, 2), [1]],
      [`${feature}\n${feature}\n`, [1, 2]],
      [`[${feature},\n${feature}]`, [1, 2]],
    ] as const) {
      const { format, reports, error } = await readAll(content);
      expect({ format, error }).toEqual({ format: 'geojson', error: undefined });
      expect(reports).toEqual(positions.map((position) => ({ ...DECODED, position })));
    }
    const bare = await readAll('{"type":"Point","coordinates":[1,2]}');
    expect(bare.rejected).toMatchObject([
      { position: 1, reason: 'no_time', message: 'document: the time is missing' },
    ]);
  });

  it('yields a line of any length in batches of bounded size', async () => {
    const many = Array.from({ length: 25_000 }, (_, index) => index);
    const content = collection(
      line(
        many.map((i) => [i / 1000, 1]),
        { times: many },
      ),
    );
    const { reports } = await readAll(content);
    expect(reports).toHaveLength(25_000);
    expect(reports.at(-1)).toMatchObject({ position: 1, longitude: 24.999 });
  });
});
