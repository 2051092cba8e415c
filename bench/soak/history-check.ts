import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  byPlaceInHistory,
  type DetailedRow,
  detailedHistory,
  normalize,
  READ_HISTORY,
} from '../../test/support/history-oracle.js';
import type { Check } from './checks.js';
import type { Scene } from './clients.js';

/** As the driver gives it. */
type StoredRow = Omit<Parameters<typeof normalize>[0][number], 'reports'> & { reports: string };

const QUIET_MS = 180_000;
const SHOWN = 5;

const WAITING = `
  SELECT (SELECT count(*)::int FROM refresh_markers) AS markers,
    (SELECT count(*)::int FROM refresh_state WHERE changes > refreshed) AS views_behind,
    (SELECT count(*)::int FROM job_runs WHERE outcome = 'running') AS jobs,
    (SELECT count(*)::int FROM import_runs WHERE outcome = 'running') AS imports,
    (SELECT count(*)::int FROM geocoding_queue) AS geocoding`;

type Waiting = Record<'markers' | 'views_behind' | 'jobs' | 'imports' | 'geocoding', number>;

/** Waits until nothing waits to be done, for three minutes at most. @returns what still waits then. */
export async function waitForQuiet({ servers, signal }: Scene): Promise<Check> {
  const begun = performance.now();
  let waiting: Waiting | undefined;
  for (let quiet = 0; performance.now() - begun < QUIET_MS && quiet < 3;) {
    [waiting] = await servers.query<Waiting>(WAITING);
    const isQuiet = waiting !== undefined && Object.values(waiting).every((count) => count === 0);
    quiet = isQuiet ? quiet + 1 : 0;
    await sleep(1000, undefined, { signal });
  }
  const left = Object.entries(waiting ?? {}).filter(([, count]) => count > 0);
  return {
    name: 'it comes to rest',
    ok: left.length === 0,
    detail:
      left.length === 0
        ? `after ${((performance.now() - begun) / 1000).toFixed(0)} s no marker, view, import, job or place waits`
        : `after ${QUIET_MS / 1000} s still waiting: ${left.map(([what, count]) => `${count} ${what}`).join(', ')}`,
  };
}

/** Compares both relations of history with what follows from the reports that were acknowledged. */
export async function checkHistory({ servers, fleet, record }: Scene): Promise<Check[]> {
  const [state] = await servers.query<{ cut: Date }>('SELECT cut FROM history_state');
  if (!state) throw new Error('history_state is empty');
  const phones = new Set(fleet.phone.map(({ key }) => key));
  // Geocoding names the city of what brought none.
  const comparable = (rows: readonly DetailedRow[]): DetailedRow[] =>
    rows.map((row) => (phones.has(row.key) ? { ...row, city: null } : row));
  const expected = comparable(detailedHistory(record.acknowledged, state.cut));
  const checks: Check[] = [];
  for (const relation of ['location_history_view', 'location_history'] as const) {
    const rows = await servers.query<StoredRow>(READ_HISTORY(relation));
    // The driver gives a bigint as text.
    const numbered = rows.map((row) => ({ ...row, reports: Number(row.reports) }));
    checks.push(compare(relation, expected, comparable(normalize(numbered))));
  }
  return checks;
}

function compare(relation: string, expected: readonly DetailedRow[], found: readonly DetailedRow[]): Check {
  const byPlace = new Map(found.map((row) => [placeOf(row), row]));
  const wrong: string[] = [];
  for (const row of expected) {
    const other = byPlace.get(placeOf(row));
    byPlace.delete(placeOf(row));
    if (!other) wrong.push(`missing: ${JSON.stringify(row)}`);
    else if (!isDeepStrictEqual(row, other)) wrong.push(`expected ${difference(row, other)}`);
  }
  for (const row of [...byPlace.values()].sort(byPlaceInHistory))
    wrong.push(`too many: ${JSON.stringify(row)}`);
  const reports = expected.reduce((sum, row) => sum + row.reports, 0);
  return {
    name: `${relation} is what was acknowledged`,
    ok: wrong.length === 0,
    detail: `${reports} reports in ${expected.length} rows${wrong.length > 0 ? `; ${wrong.length} rows differ` : ''}`,
    more: wrong.slice(0, SHOWN),
  };
}

const placeOf = ({ key, size, bucket }: DetailedRow): string => `${key} ${size} ${bucket}`;

function difference(row: DetailedRow, other: DetailedRow): string {
  const names = Object.keys(row) as (keyof DetailedRow)[];
  const differing = names.filter((name) => row[name] !== other[name]);
  return `${placeOf(row)}: ${differing.map((name) => `${name} ${String(row[name])}, found ${String(other[name])}`).join('; ')}`;
}
