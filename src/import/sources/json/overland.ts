import {
  decoded,
  type Decoded,
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
 * What the app Overland posts: each element of `locations` is one report, written as a GeoJSON feature. The tracker is the
 * `device_id`. `battery_level` is a fraction, 0 to 1; -1 is unknown, as everywhere on iOS. Events without a place (`will_terminate`) are no reports.
 *
 * https://github.com/aaronpk/Overland-iOS#api
 */
export const OVERLAND: JsonFormat = {
  name: 'overland',
  places: ['locations'],
  decode: (item, take) => {
    take(() => reportOf(item));
  },
};

function reportOf(item: unknown): Decoded {
  const { properties, geometry } = objectOf('the location', item);
  const fields = isObject(properties) ? properties : {};
  const timestamp = timeFrom('timestamp', fields['timestamp']);
  return decoded(
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
