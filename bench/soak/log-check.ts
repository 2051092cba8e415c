import type { Check } from './checks.js';
import type { LogBook } from './log-book.js';
import type { Seen } from './record.js';

/** Lines that a program may write: so many, and so many a minute; faults come all the time. */
const ALLOWED = { base: 300, aMinute: 60 };
const MOST_SHOWN = 60;

export function checkLogs({ lines, stackTraces, distinct }: LogBook, minutes: number): Check[] {
  const allowed = Math.round(ALLOWED.base + ALLOWED.aMinute * minutes);
  const loud = [...lines].filter(([, count]) => count > allowed);
  return [
    {
      name: 'logs are bounded',
      ok: loud.length === 0,
      detail: `at most ${allowed} lines allowed: ${[...lines].map(([program, count]) => `${program} ${count}`).join(', ')}`,
    },
    {
      name: 'no stack trace is logged',
      ok: stackTraces.size === 0,
      detail: stackTraces.size === 0 ? 'none' : `${stackTraces.size} different ones`,
      more: shown(stackTraces),
    },
    {
      name: 'warnings and errors in the logs',
      ok: true,
      detail: `${distinct.size} different ones`,
      more: shown(distinct),
    },
  ];
}

export function shown(seen: ReadonlyMap<string, Seen>): string[] {
  return [...seen]
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, MOST_SHOWN)
    .map(([what, { count, first }]) => `${count} x ${what}\n         first: ${first}`);
}
