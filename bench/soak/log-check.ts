import type { Check } from './checks.js';
import type { LogBook } from './log-book.js';
import type { Occurrences } from './record.js';

/** Number of lines that a program may log while there are faults. */
const ALLOWED = { base: 300, perMinute: 60 };
const MAX_PRINTED = 60;

export function checkLogs({ lines, stackTraces, problems }: LogBook, minutes: number): Check[] {
  const allowed = Math.round(ALLOWED.base + ALLOWED.perMinute * minutes);
  const excessive = [...lines].filter(([, count]) => count > allowed);
  return [
    {
      name: 'logs are bounded',
      ok: excessive.length === 0,
      detail: `at most ${allowed} lines allowed: ${[...lines].map(([program, count]) => `${program} ${count}`).join(', ')}`,
    },
    {
      name: 'no stack trace is logged',
      ok: stackTraces.size === 0,
      detail: stackTraces.size === 0 ? 'none' : `${stackTraces.size} different ones`,
      more: describeOccurrences(stackTraces),
    },
    {
      name: 'warnings and errors in the logs',
      ok: true,
      detail: `${problems.size} different ones`,
      more: describeOccurrences(problems),
    },
  ];
}

/** One line for each entry, most frequent first. */
export function describeOccurrences(occurrences: ReadonlyMap<string, Occurrences>): string[] {
  return [...occurrences]
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, MAX_PRINTED)
    .map(([text, { count, first }]) => `${count} x ${text}\n         first: ${first}`);
}
