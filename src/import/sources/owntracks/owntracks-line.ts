import type { SourceReport } from '../../report-source.js';
import { jsonFromLine } from '../lines.source.js';
import { RejectedItemError, quote, undecodable } from '../source-errors.js';
import { reportFromOwnTracks } from './owntracks-message.js';

/** Time, kind and message, separated by tabs (in old files, by spaces), e.g. `2024-03-01T09:03:09Z  *  {…}`. */
const REC_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z\s+(\S+)\s+(.*)$/s;

/** The Recorder's kind of messages published to the device's own topic; these are locations. */
const LOCATION = '*';

/**
 * Parses a line of an OwnTracks Recorder file (`.rec`), or a message without the Recorder's prefix.
 *
 * @throws RejectedItemError
 */
export function reportFromOwnTracksLine(line: string, position: number): SourceReport {
  const text = line.trim();
  if (text.startsWith('{')) {
    return { position, ...reportFromOwnTracks(jsonFromLine(text)) };
  }
  const [, kind, message] = REC_LINE.exec(text) ?? [];
  if (kind === undefined || message === undefined) {
    throw undecodable('the line must be a time, a kind and a message, separated by tabs');
  }
  if (kind !== LOCATION && !message.startsWith('{')) {
    throw new RejectedItemError('not_a_report', `the line is not a location: its kind is ${quote(kind)}`);
  }
  return { position, ...reportFromOwnTracks(jsonFromLine(message)) };
}

/** Whether the line looks like a line of a `.rec` file. */
export function isRecLine(line: string): boolean {
  return REC_LINE.test(line.trim());
}
