import {
  parsedReport,
  type ParsedReport,
  isObject,
  metresFrom,
  nameFrom,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { batteryFrom, courseFrom, iosAltitudeFrom, motionFrom, speedFrom } from '../telemetry.js';
import { pointOf } from './geojson-geometry.js';
import type { JsonFormat } from './json.source.js';

/**
 * A batch of the app Overland: each element of `locations` is one report, a GeoJSON feature. The tracker is the
 * `device_id`. `battery_level` is a fraction from 0 to 1; -1 is unknown, as everywhere on iOS. Events without a
 * position (`will_terminate`) are not reports.
 *
 * https://github.com/aaronpk/Overland-iOS#api
 */
export const OVERLAND: JsonFormat = {
  name: 'overland',
  itemPath: ['locations'],
  parse: (item, collect) => {
    collect(() => reportOf(item));
  },
};

function reportOf(item: unknown): ParsedReport {
  const { properties, geometry } = objectOf('the location', item);
  const fields = isObject(properties) ? properties : {};
  const timestamp = timeFrom('timestamp', fields['timestamp']);
  return parsedReport(
    timestamp,
    pointOf(geometry),
    {
      tracker: nameFrom('device_id', fields['device_id']),
      horizontalAccuracy: metresFrom(fields['horizontal_accuracy']),
    },
    {
      altitude: iosAltitudeFrom(fields['altitude'], fields['vertical_accuracy']),
      speed: speedFrom(fields['speed']),
      course: courseFrom(fields['course']),
      battery: batteryFrom(fields['battery_level'], 100),
      motion: motionFrom(fields['motion']),
    },
  );
}
