import {
  decimal,
  parsedReport,
  type ParsedReport,
  metresFrom,
  type TelemetryValues,
} from '../field-values.js';
import { mustBe, RejectedItemError, undecodable } from '../source-errors.js';
import { altitudeFrom, courseFrom, motionFrom, speedFrom, ambiguousBatteryFrom } from '../telemetry.js';
import { timestampFromText } from '../timestamp.js';

const POINTS = ['trkpt', 'wpt', 'rtept'] as const;
type PointName = (typeof POINTS)[number];

/** Fields of a point that are read from the text of elements. */
export type GpxField =
  'time' | 'elevation' | 'accuracy' | 'speed' | 'course' | 'bearing' | 'battery' | 'motion';

/**
 * Elements that loggers write into a point or its extensions, by local name in lower case. All of them write the speed
 * in metres per second: GPX 1.0, Garmin's TrackPointExtension, OsmAnd, gpxdata, FitoTrack, PhoneTrack.
 *
 * Left out on purpose: hdop, which has no unit, and OsmAnd's heading, which is the direction in which the phone points.
 */
const FIELDS: ReadonlyMap<string, GpxField> = new Map([
  ['accuracy_horizontal', 'accuracy'], // OpenTracks
  ['horizontal_accuracy', 'accuracy'],
  ['horizontalaccuracy', 'accuracy'],
  ['hacc', 'accuracy'], // Trails, TPX
  ['speed', 'speed'],
  ['course', 'course'],
  ['cog', 'course'], // COROS, GPSResults
  ['bearing', 'bearing'], // GPSLogger, in GPX 1.1
  ['battery', 'battery'],
  ['batterylevel', 'battery'], // PhoneTrack
  ['battery_level', 'battery'],
  ['motion', 'motion'],
]);

/** A point whose element is not closed yet. */
export interface GpxPoint {
  readonly name: PointName;
  /** Number of open elements, including its own. */
  readonly depth: number;
  /** Line on which its tag starts. */
  readonly position: number;
  lat: string | undefined;
  lon: string | undefined;
  /** Texts of its elements, by field. */
  readonly texts: { [Field in GpxField]?: string[] };
}

/** XML is case-sensitive: `TrkPt` is not a track point. */
export function isPoint(name: string): name is PointName {
  return (POINTS as readonly string[]).includes(name);
}

export function beginPoint(name: PointName, depth: number, position: number): GpxPoint {
  return { name, depth, position, lat: undefined, lon: undefined, texts: {} };
}

/**
 * Returns the field of an element that has just started within a point; undefined if it is ignored.
 *
 * @param depth number of open elements, including its own.
 */
export function fieldOf(point: GpxPoint, name: string, depth: number): GpxField | undefined {
  if (depth === point.depth + 1) {
    if (name === 'time') return 'time';
    if (name === 'ele') return 'elevation';
  }
  return FIELDS.get(name.toLowerCase());
}

/**
 * Parses a complete point. Only track points are reports: the time of a waypoint is when it was created, possibly from
 * a distance, and the times of a route are planned. These points are rejected, so that the ledger counts them.
 *
 * GPX has no reliable name of a tracker (`<trk><name>` is a title), so its reports have none.
 *
 * @throws RejectedItemError
 */
export function parsePoint(point: GpxPoint): ParsedReport {
  if (point.name !== 'trkpt') {
    throw new RejectedItemError(
      'not_a_report',
      point.name === 'wpt'
        ? '<wpt> is a waypoint, not a measured position; only <trkpt> are imported'
        : '<rtept> is a planned point; only <trkpt> are imported',
    );
  }
  const latitude = degrees('lat', point.lat);
  const longitude = degrees('lon', point.lon);
  const { texts } = point;
  const timestamp = timeOf(texts.time);
  const horizontalAccuracy = metresFrom(agreed(texts.accuracy));
  return parsedReport(timestamp, [latitude, longitude], { horizontalAccuracy }, telemetryOf(point));
}

function telemetryOf({ texts }: GpxPoint): TelemetryValues {
  return {
    altitude: altitudeFrom(agreed(texts.elevation)),
    speed: speedFrom(agreed(texts.speed)),
    course: courseFrom(agreed(texts.course ?? texts.bearing)),
    battery: ambiguousBatteryFrom(agreed(texts.battery)),
    motion: motionFrom(agreed(texts.motion)),
  };
}

function degrees(attribute: string, text: string | undefined): number {
  if (text === undefined) {
    throw new RejectedItemError('no_position', `the point has no attribute ${attribute}`);
  }
  const value = decimal(text);
  if (value === undefined) {
    throw mustBe(attribute, 'a number like 53.8633', text);
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
  return timestampFromText('<time>', text, 'utc'); // the GPX schema defines times as UTC
}

/** Returns the text if all are equal: several loggers write a value twice, in GPX 1.0 form and as an extension. */
function agreed(texts: readonly string[] | undefined): string | undefined {
  const first = texts?.[0];
  return texts?.every((text) => text === first) === true ? first : undefined;
}
