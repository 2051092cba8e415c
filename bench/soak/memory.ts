import type { Check } from './checks.js';
import type { Life } from './program.js';

export const SAMPLE_MS = 10_000;
/** So much more memory than in the second quarter of a life may be there in the last one. */
const MARGIN = { part: 0.2, bytes: 30e6 };
/** A shorter life is still warming up. */
const JUDGED_FROM = 10 * 60_000;
const SHOWN_FROM = 8;
const MOST_SHOWN = 12;

const MB = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Compares the second quarter of each long life with its last. */
export function checkMemory(lives: readonly Life[]): Check {
  const long = lives
    .filter(({ rss }) => rss.length >= SHOWN_FROM)
    .sort((a, b) => b.rss.length - a.rss.length)
    .map(({ program, pid, rss }) => {
      const quarter = Math.floor(rss.length / 4);
      const early = median(rss.slice(quarter, 2 * quarter));
      const late = median(rss.slice(3 * quarter));
      const isJudged = rss.length * SAMPLE_MS >= JUDGED_FROM;
      const grows = late > early * (1 + MARGIN.part) + MARGIN.bytes;
      const minutes = ((rss.length * SAMPLE_MS) / 60_000).toFixed(1);
      const line = `${program} (${pid}, ${minutes} min): ${MB(early)} to ${MB(late)}, at most ${MB(Math.max(...rss))}`;
      return { line, isWrong: isJudged && grows, isJudged };
    });
  const judged = long.filter(({ isJudged }) => isJudged).length;
  const wrong = long.filter(({ isWrong }) => isWrong);
  return {
    name: 'memory is flat',
    ok: wrong.length === 0,
    detail:
      `${judged} lives of 10 minutes or longer compared, second quarter to last, margin ${MARGIN.part * 100} % and ${MB(MARGIN.bytes)}` +
      (wrong.length > 0 ? `; ${wrong.length} of them grew` : ''),
    more: [...new Set([...wrong, ...long])].slice(0, MOST_SHOWN).map(({ line }) => line),
  };
}
