import { decimal, decoded, type Decoded, metresFrom } from '../field-values.js';
import { RejectedItemError, shown, undecodable } from '../source-errors.js';
import { timestampFromText } from '../timestamp.js';

const POINTS = ['trkpt', 'wpt', 'rtept'] as const;
type PointName = (typeof POINTS)[number];

/** A point whose element is still open. */
export interface GpxPoint {
  readonly name: PointName;
  /** How many elements are open, its own included. */
  readonly depth: number;
  /** Line on which its tag begins. */
  readonly position: number;
  lat: string | undefined;
  lon: string | undefined;
  /** Texts of its `<time>` elements; there should be one. */
  readonly time: string[];
  /** Texts of elements that state its radius in metres. */
  readonly metres: string[];
}

/** XML is exact: `TrkPt` is no track point. */
export function isPoint(name: string): name is PointName {
  return (POINTS as readonly string[]).includes(name);
}

export function beginPoint(name: PointName, depth: number, position: number): GpxPoint {
  return { name, depth, position, lat: undefined, lon: undefined, time: [], metres: [] };
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
  const timestamp = timeOf(point.time);
  return decoded(timestamp, [latitude, longitude], { horizontalAccuracy: metresOf(point.metres) });
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

function timeOf(texts: readonly string[]): string {
  const [text, another] = texts;
  if (another !== undefined) {
    throw undecodable('the point has more than one <time>');
  }
  if (text === undefined || text === '') {
    throw new RejectedItemError('no_time', 'the point has no <time>');
  }
  return timestampFromText('<time>', text, 'utc'); // by the GPX schema, times are UTC
}

/** Two radii contradict each other, and an extension that cannot be read is no reason to lose the position. */
function metresOf(texts: readonly string[]): number | undefined {
  return texts.length === 1 ? metresFrom(texts[0]) : undefined;
}
