import { median } from '../bench-server.js';
import type { Check } from './checks.js';
import type { ProcessMemory } from './program.js';

export const SAMPLE_MS = 10_000;
/** Allowed growth of memory from the second to the last quarter of a process. */
const MARGIN = { part: 0.2, bytes: 30e6 };
/** A process that runs for less time is not judged, because it is still warming up. */
const MIN_JUDGED_MS = 10 * 60_000;
const MIN_SAMPLES = 8;
const MAX_PRINTED = 12;

const MB = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** Compares the second with the last quarter of each process that ran long enough. */
export function checkMemory(processes: readonly ProcessMemory[]): Check {
  const compared = processes
    .filter(({ rss }) => rss.length >= MIN_SAMPLES)
    .sort((a, b) => b.rss.length - a.rss.length)
    .map(({ program, pid, rss }) => {
      const quarter = Math.floor(rss.length / 4);
      const early = median(rss.slice(quarter, 2 * quarter));
      const late = median(rss.slice(3 * quarter));
      const isJudged = rss.length * SAMPLE_MS >= MIN_JUDGED_MS;
      const grows = late > early * (1 + MARGIN.part) + MARGIN.bytes;
      const minutes = ((rss.length * SAMPLE_MS) / 60_000).toFixed(1);
      const line = `${program} (${pid}, ${minutes} min): ${MB(early)} to ${MB(late)}, at most ${MB(Math.max(...rss))}`;
      return { line, hasGrown: isJudged && grows, isJudged };
    });
  const judged = compared.filter(({ isJudged }) => isJudged).length;
  const grown = compared.filter(({ hasGrown }) => hasGrown);
  return {
    name: 'memory does not grow',
    ok: grown.length === 0,
    detail:
      `second and last quarter of ${judged} processes of 10 minutes or longer, margin ${MARGIN.part * 100} % and ${MB(MARGIN.bytes)}` +
      (grown.length > 0 ? `; ${grown.length} of them grew` : ''),
    more: [...new Set([...grown, ...compared])].slice(0, MAX_PRINTED).map(({ line }) => line),
  };
}
