import type { Motion } from '../common/telemetry.js';
import type { Session } from '../database/session.js';

/**
 * The port that every source of location reports stands behind: files of any format, HTTP bodies, the Find My endpoint.
 *
 * A source decodes and nothing else. Whether a position lies on the earth, whether a time is in the future, and
 * whether a report is already known are decided once, for all sources, by the database.
 */

/**
 * What a device says beside the place. Sources of foreign formats leave out what is outside these ranges; of NDJSON,
 * which is strict, only the types are checked here, and the database refuses what is out of range.
 */
export interface Telemetry {
  /** Metres above sea level as the device says, -12,000 to 100,000; finite. */
  readonly altitude?: number;
  /** Metres per second, 0 to 1000; finite. */
  readonly speed?: number;
  /** Direction of travel, degrees clockwise from north, from 0 to below 360; finite. */
  readonly course?: number;
  /** Percent, 0 to 100; a whole number of 16 bits. */
  readonly battery?: number;
  readonly motion?: Motion;
}

/** One position as its source gave it. */
export interface SourceReport extends Telemetry {
  /**
   * Where it stood in the source, 1-based and never falling: the line on which it begins (of GPX its `<trkpt`, of JSON
   * the element of a list that it is in). Several reports may share a position: a file may be written on one line.
   */
  readonly position: number;
  /**
   * Whose report it is, as the source calls it; never empty, without U+0000. In our own formats the name of a tracker, in
   * others that of a device, which an import may map to a tracker: OwnTracks `user/device` (of the topic, never `tid`),
   * Overland `device_id`, Google `deviceTag`, a column or property `device`. A file that names none says nothing here.
   */
  readonly tracker?: string;
  /** Hash of the tracker's advertisement key, where the source says so; its shape is not checked here. */
  readonly hashedAdvKey?: string;
  /**
   * Always `YYYY-MM-DDTHH:MM:SS.mmmZ`: 24 characters of UTC, years 0001 to 9999, a time that exists. Sorts as text and
   * is taken by COPY and by `Date` as it is. Digits below the millisecond are cut off, not rounded.
   */
  readonly timestamp: string;
  /** Degrees; finite, otherwise unchecked. */
  readonly latitude: number;
  /** Degrees; finite, otherwise unchecked. */
  readonly longitude: number;
  /** Whole number of 32 bits, as the source gave it. */
  readonly confidence?: number;
  /** Metres; finite, otherwise unchecked. */
  readonly horizontalAccuracy?: number;
  /** Whole number of 32 bits, as the source gave it. */
  readonly status?: number;
  /** Never empty, without U+0000. */
  readonly nearestCity?: string;
}

/**
 * Why an item of a source is no report.
 *
 * An item is the smallest thing of which the format has one for each report: a line, a row, a `<trkpt>`, an element of a
 * list, a position of a GeoJSON line that has times. Each is counted once, as a report or as rejected; what only holds
 * items, or has nothing to do with them (a title, a profile), is not counted.
 *
 * - `undecodable`: it cannot be read, or a field of it has the wrong type.
 * - `no_time`, `no_position`: it can be read, and the source does not say when or where.
 * - `not_a_report`: it is well-formed and means something else (a waypoint, a point of a planned route).
 * - `unasked_key`, `outside_window`: it is of a key, or of a time, that was not asked for.
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

/** Something in the source that is no report; it is counted and shown, never turned into a position. */
export interface RejectedItem {
  /** As in {@link SourceReport.position}. */
  readonly position: number;
  readonly reason: RejectionReason;
  /** For a person; names the field. One line without control characters, at most a few hundred characters. */
  readonly message: string;
  /** Its text, or the beginning of it, where the source has it at hand: kept in the quarantine, 2000 characters of it. */
  readonly given?: string;
}

/**
 * What a source could decode from the input that has arrived: never empty, at most a few ten thousand items.
 *
 * Where batches end depends on how the input arrives. Only the order within `reports` and within `rejected`, and the
 * sums over all batches, are the same at every reading: a reader that resumes counts items, not batches.
 */
export interface SourceBatch {
  readonly reports: readonly SourceReport[];
  readonly rejected: readonly RejectedItem[];
  /**
   * Of a source that keeps a state of its own in the database: what belongs into the transaction that stores this
   * batch. The batch is stored before the source is asked for the next one; it may be empty.
   */
  readonly alongside?: (session: Session) => Promise<void>;
}

export interface ReportSource {
  /** Short name for messages and for the ledger: `ndjson`, `gpx`, `google-records`. */
  readonly format: string;

  /**
   * Decodes the input as it arrives; nothing is read ahead of the consumer beyond one piece of the input. Can be
   * iterated once. When the consumer leaves the loop early, the input is destroyed; a source that is never iterated
   * leaves its input open, and whoever made the input destroys it.
   *
   * @throws DomainError `BAD_USER_INPUT` when the input is not what it claims to be, or is cut: after everything before
   *   the break has been yielded. The message names the source and the place; `details` has `source`, and `line` and
   *   `column` (1-based) where they are known.
   * @throws whatever the input itself fails with (ENOENT, ECONNRESET), unchanged.
   */
  batches(): AsyncIterable<SourceBatch>;
}
