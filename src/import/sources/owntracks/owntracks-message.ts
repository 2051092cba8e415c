import { decoded, type Decoded, degrees, metresFrom, nameFrom, objectOf, timeFrom } from '../field-values.js';
import { RejectedItemError, shown } from '../source-errors.js';
import { batteryFrom, courseFrom, iosAltitudeFrom, KMH, motionFrom, speedFrom } from '../telemetry.js';

/**
 * Decodes a message of the OwnTracks apps, as they post it and as the Recorder keeps it.
 *
 * - Only `_type: location` is a report (the Recorder may leave `_type` out of its lists): a transition says that a region
 *   was entered, a waypoint marks a place. An encrypted message cannot be read without its secret.
 * - The time is `tst`, of the fix; not `created_at`, nor the time at which the Recorder wrote the line.
 * - The tracker is `user/device`, from the topic; never `tid`, which is two letters for a label on a map.
 * - `vel` is in km/h. `motionactivities` is a list of what an iPhone takes to be going on.
 *
 * https://owntracks.org/booklet/tech/json/
 *
 * @throws RejectedItemError
 */
export function reportFromOwnTracks(value: unknown): Decoded {
  const message = objectOf('the message', value);
  const type = message['_type'];
  if (type === 'encrypted') {
    throw new RejectedItemError(
      'not_a_report',
      'the message is encrypted: it has to be decrypted with its secret',
    );
  }
  if (type !== undefined && type !== 'location') {
    throw new RejectedItemError('not_a_report', `the message is no location but of _type ${shown(type)}`);
  }
  const timestamp = timeFrom('tst', message['tst']);
  const latitude = degrees('lat', message['lat']);
  const longitude = degrees('lon', message['lon']);
  return decoded(
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

/** `owntracks/jane/phone` is the phone of Jane; the first part may be another one, and may have several levels. */
function deviceOf(topic: unknown, user: unknown, device: unknown): string | undefined {
  const name = nameFrom('topic', topic);
  if (name !== undefined) {
    return nameFrom('topic', name.split('/').slice(-2).join('/'));
  }
  const [owner, its] = [nameFrom('username', user), nameFrom('device', device)];
  return owner !== undefined && its !== undefined ? `${owner}/${its}` : undefined;
}
