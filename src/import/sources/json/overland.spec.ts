import { describe, expect, it } from '@jest/globals';
import { readAll } from '../testing/read-all.js';

const location = (
  properties: object,
  geometry: unknown = { type: 'Point', coordinates: [-122.03, 37.33] },
): object => ({
  type: 'Feature',
  geometry,
  properties: { timestamp: '2015-10-01T08:00:00-0700', ...properties },
});
const batch = (...locations: unknown[]): string => JSON.stringify({ locations, current: {}, trip: {} });
const DECODED = { position: 1, timestamp: '2015-10-01T15:00:00.000Z', latitude: 37.33, longitude: -122.03 };

describe('Overland', () => {
  it('yields each location, with its device', async () => {
    const { format, reports, rejected } = await readAll(
      batch(
        location({ horizontal_accuracy: 30, device_id: 'phone' }),
        location({ device_id: '', horizontal_accuracy: -1 }),
      ),
    );
    expect(format).toBe('overland');
    expect(reports).toEqual([{ ...DECODED, tracker: 'phone', horizontalAccuracy: 30 }, DECODED]);
    expect(rejected).toEqual([]);
  });

  it('reads telemetry', async () => {
    const telemetry = { altitude: -0.5, vertical_accuracy: 4, speed: 4, course: 180.5, battery_level: 0.89 };
    const { reports } = await readAll(
      batch(location({ ...telemetry, motion: ['driving', 'stationary'], activity: 'other_navigation' })),
    );
    expect(reports).toEqual([
      { ...DECODED, altitude: -0.5, speed: 4, course: 180.5, battery: 89, motion: 'driving' },
    ]);
  });

  it.each([
    ['unknown', { altitude: 0, vertical_accuracy: -1, speed: -1, course: -1, battery_level: -1, motion: [] }],
    ['null', { altitude: null, speed: null, course: null, battery_level: null, motion: null }],
    ['out of range', { altitude: -1e5, speed: 1001, course: 400, battery_level: 55, motion: ['flying'] }],
    ['of the wrong type', { altitude: {}, speed: 'fast', course: [], battery_level: true, motion: 1 }],
  ])('leaves out telemetry that is %s, but keeps the position', async (_, properties) => {
    const { reports, rejected } = await readAll(batch(location(properties)));
    expect(rejected).toEqual([]);
    expect(reports).toEqual([DECODED]);
    expect(Object.keys(reports[0] ?? {})).toHaveLength(4);
  });

  it('rejects and counts items without position or time', async () => {
    const { reports, rejected } = await readAll(
      batch(
        location({ action: 'will_terminate' }, undefined),
        location({ timestamp: null }),
        location({}, { type: 'Polygon', coordinates: [] }),
        location({ device_id: { a: 1 } }),
        { type: 'Feature', geometry: { type: 'Point', coordinates: [1, 2] } },
      ).replace(
        '"geometry":{"type":"Point","coordinates":[-122.03,37.33]},"properties":{"timestamp":"2015-10-01T08:00:00-0700","action"',
        '"properties":{"timestamp":"2015-10-01T08:00:00-0700","action"',
      ),
    );
    expect(reports).toEqual([]);
    expect(rejected.map(({ reason, message }) => [reason, message])).toEqual([
      ['no_position', 'locations[0]: the geometry is missing'],
      ['no_time', 'locations[1]: timestamp is missing'],
      ['not_a_report', 'locations[2]: the geometry must be a Point (got "Polygon")'],
      ['undecodable', 'locations[3]: device_id must be text (got an object)'],
      ['no_time', 'locations[4]: timestamp is missing'],
    ]);
  });

  it('reads several batches in sequence, and an empty one', async () => {
    const two = `${batch(location({}))}\n${batch(location({}), location({}))}\n`;
    expect((await readAll(two)).reports.map(({ position }) => position)).toEqual([1, 2, 2]);
    expect(await readAll('{"locations":[]}')).toEqual({
      format: 'overland',
      reports: [],
      rejected: [],
      error: undefined,
    });
  });
});
