import { setImmediate as turn } from 'node:timers/promises';
import type { RejectedItem, RejectionReason, SourceReport } from '../import/report-source.js';
import type { PrivateKey } from '../tracker-keys/private-key.js';
import { decryptReport } from './decrypt-report.js';
import { type AnsweredReport, WINDOW_DAYS } from './find-my-endpoint.js';

/** How much older than what was asked for a report may be: clocks differ, and the window moves while it is asked for. */
const MARGIN_DAYS = 1;

/** A report costs about a millisecond to decrypt; after so many others get their turn. */
const REPORTS_A_TURN = 16;

/** What an answer holds. */
export interface ReadAnswer {
  reports: SourceReport[];
  rejected: RejectedItem[];
}

/** Whose answer it is. */
export interface Asked {
  /** The tracker's keys that were asked for. */
  keys: readonly PrivateKey[];
  /** What its reports are kept under, whichever of its keys they are of. */
  hashedAdvKey: string;
  /** Position of the first entry of the answer; they are counted from the beginning of the run. */
  position: number;
  now: Date;
}

/** Decrypts an answer: every entry becomes a report, or is rejected with the reason. */
export async function readAnswer(
  answer: readonly AnsweredReport[],
  { keys, hashedAdvKey, position, now }: Asked,
): Promise<ReadAnswer> {
  const byHash = new Map(keys.map((key) => [key.hashedAdvKey, key]));
  const floor = new Date(now.getTime() - (WINDOW_DAYS + MARGIN_DAYS) * 86_400_000).toISOString();
  const read: ReadAnswer = { reports: [], rejected: [] };
  for (const [i, entry] of answer.entries()) {
    if (i % REPORTS_A_TURN === REPORTS_A_TURN - 1) await turn();
    const at = position + i;
    const reject = (reason: RejectionReason, message: string): void => {
      const { payload } = entry;
      read.rejected.push({
        position: at,
        reason,
        message,
        ...(typeof payload === 'string' && { given: payload }),
      });
    };
    const payload = bytesOf(entry.payload);
    const key = typeof entry.id === 'string' ? byHash.get(entry.id) : undefined;
    if (!payload) reject('undecodable', 'its payload is no base64');
    else if (!key) reject('unasked_key', 'it is of a key that was not asked for');
    else {
      const report = decryptReport(payload, key);
      if (!report) reject('undecodable', 'it is not encrypted for this key, or was changed on its way');
      else if (report.timestamp < floor)
        reject('outside_window', `${report.timestamp} is before what was asked for`);
      else read.reports.push({ position: at, hashedAdvKey, ...report });
    }
  }
  return read;
}

/** Strictly: Buffer.from() makes bytes of anything. */
function bytesOf(payload: unknown): Buffer | undefined {
  if (typeof payload !== 'string' || payload.length % 4 !== 0) return undefined;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(payload) ? Buffer.from(payload, 'base64') : undefined;
}
