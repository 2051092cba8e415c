import { decimal, decoded, type Decoded, metresFrom, type TelemetryValues } from '../field-values.js';
import { RejectedItemError, shown, undecodable } from '../source-errors.js';
import { altitudeFrom, courseFrom, motionFrom, speedFrom, unsureBatteryFrom } from '../telemetry.js';
import { timestampFromText } from '../timestamp.js';

const POINTS = ['trkpt', 'wpt', 'rtept'] as const;
type PointName = (typeof POINTS)[number];

/** What the text of an element within a point may be. */
export type GpxField =
  'time' | 'elevation' | 'metres' | 'speed' | 'course' | 'bearing' | 'battery' | 'motion';

/**
 * Elements that loggers write into a point or its extensions, by their local names in lower case. The speed is in metres
 * per second in all of them: GPX 1.0, Garmin's TrackPointExtension, OsmAnd, gpxdata, FitoTrack, PhoneTrack.
 *
 * Never among them: hdop, which has no unit, and OsmAnd's heading, which is where the phone points to.
 */
const FIELDS: ReadonlyMap<string, GpxField> = new Map([
  ['accuracy_horizontal', 'metres'], // OpenTracks
  ['horizontal_accuracy', 'metres'],
  ['horizontalaccuracy', 'metres'],
  ['hacc', 'metres'], // Trails, TPX
  ['speed', 'speed'],
  ['course', 'course'],
  ['cog', 'course'], // COROS, GPSResults
  ['bearing', 'bearing'], // GPSLogger, in GPX 1.1
  ['battery', 'battery'],
  ['batterylevel', 'battery'], // PhoneTrack
  ['battery_level', 'battery'],
  ['motion', 'motion'],
]);

/** A point whose element is still open. */
export interface GpxPoint {
  readonly name: PointName;
  /** How many elements are open, its own included. */
  readonly depth: number;
  /** Line on which its tag begins. */
  readonly position: number;
  lat: string | undefined;
  lon: string | undefined;
  /** Texts of the elements within it. */
  readonly texts: { [Field in GpxField]?: string[] };
}

/** XML is exact: `TrkPt` is no track point. */
export function isPoint(name: string): name is PointName {
  return (POINTS as readonly string[]).includes(name);
}

export function beginPoint(name: PointName, depth: number, position: number): GpxPoint {
  return { name, depth, position, lat: undefined, lon: undefined, texts: {} };
}

/**
 * What the element is that has just begun within a point; undefined for one that is not read.
 *
 * @param depth how many elements are open, its own included.
 */
export function fieldOf(point: GpxPoint, name: string, depth: number): GpxField | undefined {
  if (depth === point.depth + 1) {
    if (name === 'time') return 'time';
    if (name === 'ele') return 'elevation';
  }
  return FIELDS.get(name.toLowerCase());
}

/**
 * Only track points are reports. The time of a waypoint says when a mark was made, of a place that may be anywhere, and
 * the times of a route are a plan: neither says that the tracker was there. They are rejected, so that they are seen.
 *
 * GPX names no tracker that we could trust (`<trk><name>` is a title): reports of a GPX file carry none.
 *
 * @throws RejectedItemError
 */
export function finishPoint(point: GpxPoint): Decoded {
  if (point.name !== 'trkpt') {
    throw new RejectedItemError(
      'not_a_report',
      point.name === 'wpt'
        ? '<wpt> marks a place: only <trkpt> are taken'
        : '<rtept> is planned: only <trkpt> are taken',
    );
  }
  const latitude = degrees('lat', point.lat);
  const longitude = degrees('lon', point.lon);
  const { texts } = point;
  const timestamp = timeOf(texts.time);
  const horizontalAccuracy = metresFrom(agreed(texts.metres));
  return decoded(timestamp, [latitude, longitude], { horizontalAccuracy }, telemetryOf(point));
}

function telemetryOf({ texts }: GpxPoint): TelemetryValues {
  return {
    altitude: altitudeFrom(agreed(texts.elevation)),
    speed: speedFrom(agreed(texts.speed)),
    course: courseFrom(agreed(texts.course ?? texts.bearing)),
    battery: unsureBatteryFrom(agreed(texts.battery)),
    motion: motionFrom(agreed(texts.motion)),
  };
}

function degrees(attribute: string, text: string | undefined): number {
  if (text === undefined) {
    throw new RejectedItemError('no_position', `the point has no attribute ${attribute}`);
  }
  const value = decimal(text);
  if (value === undefined) {
    throw undecodable(`${attribute} ${shown(text)} is not a number like 53.8633`);
  }
  return value;
}

function timeOf(texts: readonly string[] = []): string {
  const [text, another] = texts;
  if (another !== undefined) {
    throw undecodable('the point has more than one <time>');
  }
  if (text === undefined || text === '') {
    throw new RejectedItemError('no_time', 'the point has no <time>');
  }
  return timestampFromText('<time>', text, 'utc'); // by the GPX schema, times are UTC
}

/** Several loggers write a value twice, in GPX 1.0 and as an extension. Two that differ contradict each other. */
function agreed(texts: readonly string[] | undefined): string | undefined {
  const first = texts?.[0];
  return texts?.every((text) => text === first) === true ? first : undefined;
}
