import { describe, expect, it } from '@jest/globals';
import { readAll } from '../testing/read-all.js';

const TIMES = { startTime: '2024-03-01T09:00:00.000+01:00', endTime: '2024-03-01T11:00:00.000+01:00' };
const android = (semanticSegments: unknown[], rawSignals: unknown[] = []): string =>
  JSON.stringify({
    semanticSegments,
    rawSignals,
    userLocationProfile: { frequentPlaces: [{ placeLocation: '1°, 2°' }] },
  });

describe('Google Timeline from an Android phone', () => {
  it('yields points of paths, ends of activities and raw positions', async () => {
    const { format, reports, rejected } = await readAll(
      android(
        [
          {
            ...TIMES,
            startTimeTimezoneUtcOffsetMinutes: 60,
            timelinePath: [{ point: '52.1234567°, -13.4°', time: '2024-03-01T09:03:00.000+01:00' }],
          },
          {
            ...TIMES,
            activity: { start: { latLng: '1°, 2°' }, end: { latLng: '3.5°, 4.5°' }, topCandidate: {} },
          },
        ],
        [
          {
            position: {
              LatLng: '5°, 6°',
              accuracyMeters: 12,
              altitudeMeters: 3.5,
              speedMetersPerSecond: 1.25,
              timestamp: '2024-03-01T09:03:09.000+01:00',
            },
          },
        ],
      ),
    );
    expect(format).toBe('google-timeline');
    expect(rejected).toEqual([]);
    expect(reports).toEqual([
      { position: 1, timestamp: '2024-03-01T08:03:00.000Z', latitude: 52.1234567, longitude: -13.4 },
      { position: 1, timestamp: '2024-03-01T08:00:00.000Z', latitude: 1, longitude: 2 },
      { position: 1, timestamp: '2024-03-01T10:00:00.000Z', latitude: 3.5, longitude: 4.5 },
      {
        position: 1,
        timestamp: '2024-03-01T08:03:09.000Z',
        latitude: 5,
        longitude: 6,
        horizontalAccuracy: 12,
        altitude: 3.5,
        speed: 1.25,
      },
    ]);
  });

  it('leaves out altitude and speed if out of range', async () => {
    const position = { LatLng: '5°, 6°', timestamp: TIMES.endTime };
    const { reports } = await readAll(
      android([], [{ position: { ...position, altitudeMeters: 1e6, speedMetersPerSecond: -1 } }]),
    );
    expect(reports).toEqual([
      { position: 1, timestamp: '2024-03-01T10:00:00.000Z', latitude: 5, longitude: 6 },
    ]);
  });

  it('rejects visits, scans and items without time or position, each once', async () => {
    const point = (fields: object): unknown => ({
      ...TIMES,
      timelinePath: [{ point: '1°, 2°', time: TIMES.endTime, ...fields }],
    });
    const { reports, rejected } = await readAll(
      android(
        [
          { ...TIMES, visit: { topCandidate: { placeLocation: { latLng: '1°, 2°' } } } },
          { ...TIMES, timelineMemory: {} },
          point({ time: null }),
          point({ point: null }),
          point({ point: '1, 2, 3' }),
          point({ point: '52,1°, 13,4°' }),
          { ...TIMES, activity: { start: {}, end: { latLng: 'x' } } },
          { ...TIMES, timelinePath: [7] },
          7,
        ],
        [
          { wifiScan: { deliveryTime: TIMES.endTime, devicesRecords: [] } },
          { activityRecord: {} },
          { position: {} },
          null,
        ],
      ),
    );
    expect(reports).toEqual([]);
    expect(rejected.map(({ reason, message }) => `${reason} ${message}`)).toEqual([
      'not_a_report semanticSegments[0]: a visit is a place that Google guessed, not a measured position',
      'not_a_report semanticSegments[1]: the segment has no timelinePath',
      'no_time semanticSegments[2].timelinePath[0]: time is missing',
      'no_position semanticSegments[3].timelinePath[0]: point is missing',
      'undecodable semanticSegments[4].timelinePath[0]: point must be a position like "52.1°, 13.4°" or "geo:52.1,13.4" (got "1, 2, 3")',
      'undecodable semanticSegments[5].timelinePath[0]: point must be a position like "52.1°, 13.4°" or "geo:52.1,13.4" (got "52,1°, 13,4°")',
      'no_position semanticSegments[6].activity.start: start is missing',
      'undecodable semanticSegments[6].activity.end: end must be a position like "52.1°, 13.4°" or "geo:52.1,13.4" (got "x")',
      'undecodable semanticSegments[7].timelinePath[0]: the point must be an object (got 7)',
      'undecodable semanticSegments[8]: the segment must be an object (got 7)',
      'not_a_report rawSignals[0]: the signal is not a position but a scan or an activity',
      'not_a_report rawSignals[1]: the signal is not a position but a scan or an activity',
      'no_time rawSignals[2]: position.timestamp is missing',
      'undecodable rawSignals[3]: the signal must be an object (got null)',
    ]);
  });

  it('is detected whichever of its lists comes first', async () => {
    for (const content of [
      '{"userLocationProfile":{},"rawSignals":[]}',
      '{"a":[],"semanticSegments":[{}]}',
    ]) {
      expect((await readAll(content)).format).toBe('google-timeline');
    }
  });
});

describe('Google Timeline from an iPhone', () => {
  const ios = (...segments: unknown[]): string => JSON.stringify(segments);

  it('adds minutes, written as text, to the start of the segment', async () => {
    const { format, reports, rejected } = await readAll(
      ios(
        {
          ...TIMES,
          timelinePath: [
            { point: 'geo:52.1,13.4', durationMinutesOffsetFromStartTime: '0' },
            { point: 'geo:-52.1,-13.4', durationMinutesOffsetFromStartTime: '119' },
            { point: 'geo:1,2', durationMinutesOffsetFromStartTime: 1.5 },
          ],
        },
        { ...TIMES, activity: { start: 'geo:1,2', end: 'geo:3,4', probability: '0.98' } },
      ),
    );
    expect(format).toBe('google-timeline');
    expect(rejected).toEqual([]);
    expect(reports.map(({ timestamp, latitude }) => [timestamp, latitude])).toEqual([
      ['2024-03-01T08:00:00.000Z', 52.1],
      ['2024-03-01T09:59:00.000Z', -52.1],
      ['2024-03-01T08:01:30.000Z', 1],
      ['2024-03-01T08:00:00.000Z', 1],
      ['2024-03-01T10:00:00.000Z', 3],
    ]);
  });

  it('rejects visits and invalid minutes', async () => {
    const { rejected } = await readAll(
      ios(
        { ...TIMES, visit: { topCandidate: { placeLocation: 'geo:1,2' } } },
        { ...TIMES, timelinePath: [{ point: 'geo:1,2', durationMinutesOffsetFromStartTime: 'soon' }] },
        { endTime: '', timelinePath: [{ point: 'geo:1,2', durationMinutesOffsetFromStartTime: '1' }] },
        { ...TIMES, timelinePath: [{ point: 'geo:1,2', durationMinutesOffsetFromStartTime: '1e300' }] },
      ),
    );
    expect(rejected.map(({ reason, message }) => `${reason} ${message}`)).toEqual([
      expect.stringContaining('not_a_report [0]: a visit is a place'),
      'undecodable [1].timelinePath[0]: durationMinutesOffsetFromStartTime must be a number of minutes (got "soon")',
      'no_time [2].timelinePath[0]: startTime is missing',
      expect.stringContaining('must be in the years 1 to 9999'),
    ]);
  });
});
