import type { SourceReport } from '../../report-source.js';
import { jsonFromLine } from '../lines.source.js';
import { RejectedItemError, shown, undecodable } from '../source-errors.js';
import { reportFromOwnTracks } from './owntracks-message.js';

/** Time, kind and message, with tabs between them (in old files spaces), e.g. `2024-03-01T09:03:09Z  *  {…}`. */
const REC_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z\s+(\S+)\s+(.*)$/s;

/** Kind under which the Recorder keeps what was published to the topic of the device itself: locations. */
const LOCATION = '*';

/**
 * Decodes a line of a file of the OwnTracks Recorder (`.rec`), or a line that is a message without the Recorder's prefix.
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
    throw undecodable('the line is not a time, a kind and a message with tabs between them');
  }
  if (kind !== LOCATION && !message.startsWith('{')) {
    throw new RejectedItemError('not_a_report', `the line is no location but ${shown(kind)}`);
  }
  return { position, ...reportFromOwnTracks(jsonFromLine(message)) };
}

/** Whether it looks like a line of a `.rec` file. */
export function isRecLine(line: string): boolean {
  return REC_LINE.test(line.trim());
}
