import {
  decimal,
  decoded,
  type Decoded,
  type Fields,
  isGiven,
  isObject,
  isShort,
  metresFrom,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { RejectedItemError, shown, undecodable } from '../source-errors.js';
import { altitudeFrom, speedFrom } from '../telemetry.js';
import { timestampFromMillis } from '../timestamp.js';
import type { JsonFormat, Take } from './json.source.js';

/**
 * Timeline as an Android phone exports it (Timeline.json): `semanticSegments`, and `rawSignals` of the last weeks.
 *
 * Taken are the points of `timelinePath`, both ends of an `activity`, and the `position` of a raw signal. A `visit` is
 * not: its place is an address that Google thought likely, where the tracker may never have been, and history shows no
 * place that was not reported.
 */
export const GOOGLE_TIMELINE_ANDROID: JsonFormat = {
  name: 'google-timeline',
  places: ['semanticSegments', 'rawSignals'],
  decode: (item, take, list) => {
    if (list === 'rawSignals') {
      take(() => signalReport(item));
    } else {
      segmentReports(item, take);
    }
  },
};

/** Timeline as an iPhone exports it (location-history.json): a list of the same segments, written differently. */
export const GOOGLE_TIMELINE_IOS: JsonFormat = {
  name: 'google-timeline',
  places: 'list',
  decode: segmentReports,
};

/** Android: `52.1°, 13.4°`; iOS: `geo:52.1,13.4`. */
const PLACE = /^(?:geo:)?\s*([^°,]+)°?\s*,\s*([^°,]+)°?\s*$/;
const MINUTE = 60_000;

function segmentReports(item: unknown, take: Take): void {
  const segment = isObject(item) ? item : undefined;
  const path = segment?.['timelinePath'];
  const activity = segment?.['activity'];
  if (segment && Array.isArray(path)) {
    path.forEach((point: unknown, index) => {
      take(() => pointReport(segment, objectOf('the point', point)), `.timelinePath[${index}]`);
    });
  } else if (segment && isObject(activity)) {
    take(() => endReport(segment['startTime'], activity['start'], 'start'), '.activity.start');
    take(() => endReport(segment['endTime'], activity['end'], 'end'), '.activity.end');
  } else {
    take(() => refuse(item));
  }
}

function refuse(item: unknown): never {
  const segment = objectOf('the segment', item);
  throw new RejectedItemError(
    'not_a_report',
    isGiven(segment['visit'])
      ? 'a visit is a place that Google thought likely, not one that was measured'
      : 'the segment has no timelinePath',
  );
}

function pointReport(segment: Fields, point: Fields): Decoded {
  const offset = point['durationMinutesOffsetFromStartTime'];
  const timestamp =
    isGiven(point['time']) || !isGiven(offset)
      ? timeFrom('time', point['time'])
      : minutesAfter(timeFrom('startTime', segment['startTime']), offset);
  return decoded(timestamp, placeFrom('point', point['point']));
}

function minutesAfter(start: string, offset: unknown): string {
  const minutes = typeof offset === 'number' ? offset : decimal(String(offset));
  if (minutes === undefined) {
    throw undecodable(`durationMinutesOffsetFromStartTime ${shown(offset)} is no number of minutes`);
  }
  return timestampFromMillis('durationMinutesOffsetFromStartTime', Date.parse(start) + minutes * MINUTE);
}

function endReport(time: unknown, end: unknown, name: 'start' | 'end'): Decoded {
  const timestamp = timeFrom(`${name}Time`, time);
  return decoded(timestamp, placeFrom(name, isObject(end) ? end['latLng'] : end));
}

function signalReport(item: unknown): Decoded {
  const position = objectOf('the signal', item)['position'];
  if (!isObject(position)) {
    throw new RejectedItemError('not_a_report', 'the signal is no position but a scan or an activity');
  }
  const timestamp = timeFrom('position.timestamp', position['timestamp']);
  const place = placeFrom('position.LatLng', position['LatLng'] ?? position['latLng']);
  return decoded(
    timestamp,
    place,
    { horizontalAccuracy: metresFrom(position['accuracyMeters']) },
    {
      altitude: altitudeFrom(position['altitudeMeters']),
      speed: speedFrom(position['speedMetersPerSecond']),
    },
  );
}

function placeFrom(field: string, value: unknown): [number, number] {
  if (!isGiven(value)) {
    throw new RejectedItemError('no_position', `${field} is missing`);
  }
  const match = typeof value === 'string' && isShort(value) ? PLACE.exec(value) : null;
  const latitude = decimal(match?.[1] ?? '');
  const longitude = decimal(match?.[2] ?? '');
  if (latitude === undefined || longitude === undefined) {
    throw undecodable(`${field} ${shown(value)} is no place like "52.1°, 13.4°" or "geo:52.1,13.4"`);
  }
  return [latitude, longitude];
}
