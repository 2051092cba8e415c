import {
  decimal,
  parsedReport,
  type ParsedReport,
  type Fields,
  isPresent,
  isObject,
  isShort,
  metresFrom,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { mustBe, RejectedItemError } from '../source-errors.js';
import { altitudeFrom, speedFrom } from '../telemetry.js';
import { timestampFromMillis } from '../timestamp.js';
import type { JsonFormat, Collect } from './json.source.js';

/**
 * Timeline as exported by Android (Timeline.json): `semanticSegments`, and `rawSignals` of the most recent weeks.
 *
 * The reports are the points of a `timelinePath`, both ends of an `activity`, and the `position` of a raw signal. A
 * `visit` is not a report: its place is an address that Google guessed, where the tracker may never have been.
 */
export const GOOGLE_TIMELINE_ANDROID: JsonFormat = {
  name: 'google-timeline',
  itemPath: ['semanticSegments', 'rawSignals'],
  parse: (item, collect, list) => {
    if (list === 'rawSignals') {
      collect(() => signalReport(item));
    } else {
      segmentReports(item, collect);
    }
  },
};

/** Timeline as exported by iOS (location-history.json): a list of the same segments, written differently. */
export const GOOGLE_TIMELINE_IOS: JsonFormat = {
  name: 'google-timeline',
  itemPath: 'list',
  parse: segmentReports,
};

/** Android: `52.1°, 13.4°`; iOS: `geo:52.1,13.4`. */
const LAT_LON = /^(?:geo:)?\s*([^°,]+)°?\s*,\s*([^°,]+)°?\s*$/;
const MINUTE = 60_000;

function segmentReports(item: unknown, collect: Collect): void {
  const segment = isObject(item) ? item : undefined;
  const path = segment?.['timelinePath'];
  const activity = segment?.['activity'];
  if (segment && Array.isArray(path)) {
    path.forEach((point: unknown, index) => {
      collect(() => pointReport(segment, objectOf('the point', point)), `.timelinePath[${index}]`);
    });
  } else if (segment && isObject(activity)) {
    collect(() => endReport(segment['startTime'], activity['start'], 'start'), '.activity.start');
    collect(() => endReport(segment['endTime'], activity['end'], 'end'), '.activity.end');
  } else {
    collect(() => reject(item));
  }
}

function reject(item: unknown): never {
  const segment = objectOf('the segment', item);
  throw new RejectedItemError(
    'not_a_report',
    isPresent(segment['visit'])
      ? 'a visit is a place that Google guessed, not a measured position'
      : 'the segment has no timelinePath',
  );
}

function pointReport(segment: Fields, point: Fields): ParsedReport {
  const offset = point['durationMinutesOffsetFromStartTime'];
  const timestamp =
    isPresent(point['time']) || !isPresent(offset)
      ? timeFrom('time', point['time'])
      : minutesAfter(timeFrom('startTime', segment['startTime']), offset);
  return parsedReport(timestamp, latLonFrom('point', point['point']));
}

function minutesAfter(start: string, offset: unknown): string {
  const minutes = typeof offset === 'number' ? offset : decimal(String(offset));
  if (minutes === undefined) {
    throw mustBe('durationMinutesOffsetFromStartTime', 'a number of minutes', offset);
  }
  return timestampFromMillis('durationMinutesOffsetFromStartTime', Date.parse(start) + minutes * MINUTE);
}

function endReport(time: unknown, end: unknown, name: 'start' | 'end'): ParsedReport {
  const timestamp = timeFrom(`${name}Time`, time);
  return parsedReport(timestamp, latLonFrom(name, isObject(end) ? end['latLng'] : end));
}

function signalReport(item: unknown): ParsedReport {
  const position = objectOf('the signal', item)['position'];
  if (!isObject(position)) {
    throw new RejectedItemError('not_a_report', 'the signal is not a position but a scan or an activity');
  }
  const timestamp = timeFrom('position.timestamp', position['timestamp']);
  const latLon = latLonFrom('position.LatLng', position['LatLng'] ?? position['latLng']);
  return parsedReport(
    timestamp,
    latLon,
    { horizontalAccuracy: metresFrom(position['accuracyMeters']) },
    {
      altitude: altitudeFrom(position['altitudeMeters']),
      speed: speedFrom(position['speedMetersPerSecond']),
    },
  );
}

function latLonFrom(field: string, value: unknown): [number, number] {
  if (!isPresent(value)) {
    throw new RejectedItemError('no_position', `${field} is missing`);
  }
  const match = typeof value === 'string' && isShort(value) ? LAT_LON.exec(value) : null;
  const latitude = decimal(match?.[1] ?? '');
  const longitude = decimal(match?.[2] ?? '');
  if (latitude === undefined || longitude === undefined) {
    throw mustBe(field, 'a position like "52.1°, 13.4°" or "geo:52.1,13.4"', value);
  }
  return [latitude, longitude];
}
