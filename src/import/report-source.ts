import type { Motion } from '../common/telemetry.js';

/**
 * The port for sources of location reports: files of any format, HTTP bodies.
 *
 * A source only parses. The database checks the reports of all sources alike: whether a position is on the earth,
 * whether a time is in the future, whether a report is already known.
 */

/**
 * Values that a device reports besides its position. Sources leave out values outside these ranges; only NDJSON, our
 * own strict format, passes them on, so that the database rejects the report.
 */
export interface Telemetry {
  /** Metres above sea level, -12,000 to 100,000; finite. */
  readonly altitude?: number;
  /** Metres per second, 0 to 1000; finite. */
  readonly speed?: number;
  /** Direction of travel, degrees clockwise from north, from 0 to below 360; finite. */
  readonly course?: number;
  /** Percent, 0 to 100; a 16-bit whole number. */
  readonly battery?: number;
  readonly motion?: Motion;
}

/** One report, as its source parsed it. */
export interface SourceReport extends Telemetry {
  /**
   * Position in the source, 1-based and never decreasing: the line on which the report starts (in GPX the `<trkpt`, in
   * JSON the element of a list). Several reports may have the same position, as a file may be a single line.
   */
  readonly position: number;
  /**
   * Name of the tracker in our own formats, of the device in others; never empty, without U+0000. An import may map
   * devices to trackers: OwnTracks `user/device` (from the topic, never `tid`), Overland `device_id`, Google
   * `deviceTag`, a column or property `device`. Absent if the source names none.
   */
  readonly tracker?: string;
  /** Hash of the tracker's advertisement key, if the source has it; its form is not validated here. */
  readonly hashedAdvKey?: string;
  /**
   * Always `YYYY-MM-DDTHH:MM:SS.mmmZ`: 24 characters, UTC, years 0001 to 9999, an existing time. Sorts as text, and
   * both COPY and `Date` accept it. Digits below the millisecond are cut off, not rounded.
   */
  readonly timestamp: string;
  /** Degrees; finite, otherwise unchecked. */
  readonly latitude: number;
  /** Degrees; finite, otherwise unchecked. */
  readonly longitude: number;
  /** A 32-bit whole number, otherwise unchecked. */
  readonly confidence?: number;
  /** Metres; finite, otherwise unchecked. */
  readonly horizontalAccuracy?: number;
  /** A 32-bit whole number, otherwise unchecked. */
  readonly status?: number;
  /** Never empty, without U+0000. */
  readonly nearestCity?: string;
}

/**
 * Reasons why an item of a source is not a report.
 *
 * An item is the part of a file that may be one report: a line, a row, a `<trkpt>`, an element of a list, a position of
 * a GeoJSON line with times. Each is counted once, as a report or as rejected. Containers of items, and anything
 * unrelated (a title, a profile), are not counted.
 *
 * - `undecodable`: it cannot be parsed, or a field has the wrong type.
 * - `no_time`, `no_position`: it can be parsed, but has no time or position.
 * - `not_a_report`: it is well-formed but something else (a waypoint, a point of a planned route).
 * - `unasked_key`, `outside_window`: a Find My response has a report of a key, or of a time, that was not requested.
 */
export const REJECTION_REASONS = [
  'undecodable',
  'no_time',
  'no_position',
  'not_a_report',
  'unasked_key',
  'outside_window',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** An item of a source that is not a report; it is counted and kept in the quarantine. */
export interface RejectedItem {
  /** As in {@link SourceReport.position}. */
  readonly position: number;
  readonly reason: RejectionReason;
  /** Names the field. One line without control characters, at most a few hundred characters. */
  readonly message: string;
  /** Original text of the item, or its beginning, if available; the quarantine keeps 2000 characters. */
  readonly rawText?: string;
}

/**
 * Items that a source has parsed from the input so far received: never empty, at most a few tens of thousands of items.
 *
 * The size of batches depends on how the input arrives. Only the order within `reports` and within `rejected`, and the
 * totals over all batches, are the same at every reading, so a resumed import counts items, not batches.
 */
export interface SourceBatch {
  readonly reports: readonly SourceReport[];
  readonly rejected: readonly RejectedItem[];
}

export interface ReportSource {
  /** Short name for messages and for the ledger: `ndjson`, `gpx`, `google-records`. */
  readonly format: string;

  /**
   * Parses the input as it arrives, and reads at most one piece ahead of the consumer. Can be iterated once. Leaving
   * the loop early destroys the input; if the source is never iterated, its caller must destroy the input.
   *
   * @throws DomainError `BAD_USER_INPUT` when the input is malformed or truncated, after yielding everything before
   *   that. The message names the source and the position; `details` has `source`, and `line` and `column` (1-based) if
   *   known.
   * @throws errors of the input (ENOENT, ECONNRESET), unchanged.
   */
  batches(): AsyncIterable<SourceBatch>;
}
