import {
  parsedReport,
  type ParsedReport,
  degrees,
  metresFrom,
  nameFrom,
  objectOf,
  timeFrom,
} from '../field-values.js';
import { RejectedItemError, quote } from '../source-errors.js';
import { batteryFrom, courseFrom, iosAltitudeFrom, KMH, motionFrom, speedFrom } from '../telemetry.js';

/**
 * Parses a message of the OwnTracks apps, as they post it and as the Recorder stores it.
 *
 * - Only `_type: location` is a report (the Recorder may omit `_type` in its lists). A transition reports that a region
 *   was entered or left, a waypoint is a saved position, and an encrypted message cannot be read without its secret.
 * - The time is `tst`, the time of the fix; not `created_at`, nor the time at which the Recorder wrote the line.
 * - The tracker is `user/device`, from the topic; never `tid`, a two-letter label for maps.
 * - `vel` is in km/h. `motionactivities` lists the activities that an iPhone detected.
 *
 * https://owntracks.org/booklet/tech/json/
 *
 * @throws RejectedItemError
 */
export function reportFromOwnTracks(value: unknown): ParsedReport {
  const message = objectOf('the message', value);
  const type = message['_type'];
  if (type === 'encrypted') {
    throw new RejectedItemError('not_a_report', 'the message is encrypted: decrypt it with its secret first');
  }
  if (type !== undefined && type !== 'location') {
    throw new RejectedItemError('not_a_report', `the message is not a location: its _type is ${quote(type)}`);
  }
  const timestamp = timeFrom('tst', message['tst']);
  const latitude = degrees('lat', message['lat']);
  const longitude = degrees('lon', message['lon']);
  return parsedReport(
    timestamp,
    [latitude, longitude],
    {
      tracker: deviceOf(message['topic'], message['username'], message['device']),
      horizontalAccuracy: metresFrom(message['acc']),
    },
    {
      altitude: iosAltitudeFrom(message['alt'], message['vac']),
      speed: speedFrom(message['vel'], KMH),
      course: courseFrom(message['cog']),
      battery: batteryFrom(message['batt']),
      motion: motionFrom(message['motionactivities']),
    },
  );
}

/** The last two levels of the topic: `owntracks/jane/phone` is Jane's phone. The levels before may differ. */
function deviceOf(topic: unknown, user: unknown, device: unknown): string | undefined {
  const name = nameFrom('topic', topic);
  if (name !== undefined) {
    return nameFrom('topic', name.split('/').slice(-2).join('/'));
  }
  const [owner, deviceName] = [nameFrom('username', user), nameFrom('device', device)];
  return owner !== undefined && deviceName !== undefined ? `${owner}/${deviceName}` : undefined;
}
