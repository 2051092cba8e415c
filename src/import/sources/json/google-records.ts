import {
  degreesE7,
  parsedReport,
  type ParsedReport,
  isPresent,
  metresFrom,
  nameFrom,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { mustBe } from '../source-errors.js';
import { altitudeFrom, courseFrom, speedFrom } from '../telemetry.js';
import { timestampFromMillis } from '../timestamp.js';
import { motionFromActivity } from './google-activity.js';
import type { JsonFormat } from './json.source.js';

/**
 * Google Takeout's Records.json (older: Location History.json): each element of `locations` is one report. The tracker
 * is the `deviceTag`.
 *
 * https://locationhistoryformat.com/reference/records/
 */
export const GOOGLE_RECORDS: JsonFormat = {
  name: 'google-records',
  itemPath: ['locations'],
  parse: (item, collect) => {
    collect(() => reportOf(item));
  },
};

function reportOf(item: unknown): ParsedReport {
  const record = objectOf('the record', item);
  const timestamp = timeOf(record['timestamp'], record['timestampMs']);
  const latitude = degreesE7('latitudeE7', record['latitudeE7']);
  const longitude = degreesE7('longitudeE7', record['longitudeE7']);
  return parsedReport(
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
      // `activitys` until 2017
      motion: motionFromActivity(record['activity'] ?? record['activitys']),
    },
  );
}

/** Until 2022 the time was `timestampMs`, milliseconds as text. */
function timeOf(timestamp: unknown, timestampMs: unknown): string {
  if (isPresent(timestamp) || !isPresent(timestampMs)) {
    return timeFrom('timestamp', timestamp);
  }
  if (typeof timestampMs !== 'number' && !(typeof timestampMs === 'string' && /^-?\d+$/.test(timestampMs))) {
    throw mustBe('timestampMs', 'a number of milliseconds', timestampMs);
  }
  return timestampFromMillis('timestampMs', Number(timestampMs));
}
