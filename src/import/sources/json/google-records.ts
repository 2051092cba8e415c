import {
  degreesE7,
  decoded,
  type Decoded,
  isGiven,
  metresFrom,
  nameFrom,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { undecodable, shown } from '../source-errors.js';
import { altitudeFrom, courseFrom, speedFrom } from '../telemetry.js';
import { timestampFromMillis } from '../timestamp.js';
import { motionFromActivity } from './google-activity.js';
import type { JsonFormat } from './json.source.js';

/**
 * Google Takeout's Records.json (older: Location History.json): each element of `locations` is one report. The tracker is
 * the `deviceTag`.
 *
 * https://locationhistoryformat.com/reference/records/
 */
export const GOOGLE_RECORDS: JsonFormat = {
  name: 'google-records',
  places: ['locations'],
  decode: (item, take) => {
    take(() => reportOf(item));
  },
};

function reportOf(item: unknown): Decoded {
  const record = objectOf('the record', item);
  const timestamp = timeOf(record['timestamp'], record['timestampMs']);
  const latitude = degreesE7('latitudeE7', record['latitudeE7']);
  const longitude = degreesE7('longitudeE7', record['longitudeE7']);
  return decoded(
    timestamp,
    [latitude, longitude],
    {
      tracker: nameFrom('deviceTag', record['deviceTag']),
      horizontalAccuracy: metresFrom(record['accuracy']),
    },
    {
      altitude: altitudeFrom(record['altitude']),
      speed: speedFrom(record['velocity']),
      course: courseFrom(record['heading']),
      motion: motionFromActivity(record['activity'] ?? record['activitys']),
    },
  );
}

/** Until 2022 a text of milliseconds. */
function timeOf(timestamp: unknown, timestampMs: unknown): string {
  if (isGiven(timestamp) || !isGiven(timestampMs)) {
    return timeFrom('timestamp', timestamp);
  }
  if (typeof timestampMs !== 'number' && !(typeof timestampMs === 'string' && /^-?\d+$/.test(timestampMs))) {
    throw undecodable(`timestampMs ${shown(timestampMs)} is no number of milliseconds`);
  }
  return timestampFromMillis('timestampMs', Number(timestampMs));
}
