import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { RejectedItem, RejectionReason, SourceReport } from '../import/report-source.js';
import type { PrivateKey } from '../tracker-keys/private-key.js';
import { decryptReport } from './decrypt-report.js';
import { type AnsweredReport, WINDOW_DAYS } from './find-my-endpoint.js';

/** Tolerance for reports older than the window: clocks differ, and the window moves during the call. */
const MARGIN_DAYS = 1;

/** Decrypting a report takes about a millisecond; yields to other work after this many. */
const REPORTS_PER_TURN = 16;

/** The reports of an answer. */
export interface ParsedAnswer {
  reports: SourceReport[];
  rejected: RejectedItem[];
}

/** The request that an answer belongs to. */
export interface AnswerContext {
  /** The tracker's keys in the call. */
  keys: readonly PrivateKey[];
  /** The tracker's first key, under which all its reports are stored. */
  hashedAdvKey: string;
  /** Position of the first entry within the run. */
  position: number;
  now: Date;
}

/** Decrypts an answer. Every entry becomes a report, or a rejected item with a reason. */
export async function parseAnswer(
  answer: readonly AnsweredReport[],
  { keys, hashedAdvKey, position, now }: AnswerContext,
): Promise<ParsedAnswer> {
  const byHash = new Map(keys.map((key) => [key.hashedAdvKey, key]));
  const earliest = new Date(now.getTime() - (WINDOW_DAYS + MARGIN_DAYS) * 86_400_000).toISOString();
  const parsed: ParsedAnswer = { reports: [], rejected: [] };
  for (const [i, entry] of answer.entries()) {
    if (i % REPORTS_PER_TURN === REPORTS_PER_TURN - 1) await yieldToOthers();
    const at = position + i;
    const reject = (reason: RejectionReason, message: string): void => {
      const { payload } = entry;
      parsed.rejected.push({
        position: at,
        reason,
        message,
        ...(typeof payload === 'string' && { rawText: payload }),
      });
    };
    const payload = bytesOf(entry.payload);
    const key = typeof entry.id === 'string' ? byHash.get(entry.id) : undefined;
    if (!payload) reject('undecodable', 'the payload is not valid base64');
    else if (!key) reject('unasked_key', 'its key was not requested');
    else {
      const report = decryptReport(payload, key);
      if (!report) reject('undecodable', 'the payload is not encrypted for this key, or was modified');
      else if (report.timestamp < earliest)
        reject(
          'outside_window',
          `timestamp ${report.timestamp} is before the requested window (since ${earliest})`,
        );
      else parsed.reports.push({ position: at, hashedAdvKey, ...report });
    }
  }
  return parsed;
}

/** Decodes base64 strictly; Buffer.from() accepts any text. */
function bytesOf(payload: unknown): Buffer | undefined {
  if (typeof payload !== 'string' || payload.length % 4 !== 0) return undefined;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(payload) ? Buffer.from(payload, 'base64') : undefined;
}
