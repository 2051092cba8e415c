import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  compareRows,
  type DetailedRow,
  detailedHistory,
  normalize,
  READ_HISTORY,
} from '../../test/support/history-oracle.js';
import type { Check } from './checks.js';
import type { SoakContext } from './context.js';

/** A row as the driver returns it: bigint as text. */
type StoredRow = Omit<Parameters<typeof normalize>[0][number], 'reports'> & { reports: string };

const MAX_WAIT_MS = 180_000;
const MAX_PRINTED = 5;

const READ_PENDING = `
  SELECT (SELECT count(*)::int FROM refresh_markers) AS markers,
    (SELECT count(*)::int FROM refresh_state WHERE changes > refreshed) AS views_behind,
    (SELECT count(*)::int FROM job_runs WHERE outcome = 'running') AS jobs,
    (SELECT count(*)::int FROM import_runs WHERE outcome = 'running') AS imports,
    (SELECT count(*)::int FROM geocoding_queue) AS geocoding`;

type Pending = Record<'markers' | 'views_behind' | 'jobs' | 'imports' | 'geocoding', number>;

/** Waits up to three minutes for all pending work to finish. Fails with the work that is still pending. */
export async function waitForPendingWork({ servers, signal }: SoakContext): Promise<Check> {
  const startedAt = performance.now();
  let pending: Pending | undefined;
  for (let idleSeconds = 0; performance.now() - startedAt < MAX_WAIT_MS && idleSeconds < 3;) {
    [pending] = await servers.query<Pending>(READ_PENDING);
    const isIdle = pending !== undefined && Object.values(pending).every((count) => count === 0);
    idleSeconds = isIdle ? idleSeconds + 1 : 0;
    await sleep(1000, undefined, { signal });
  }
  const remaining = Object.entries(pending ?? {}).filter(([, count]) => count > 0);
  return {
    name: 'all pending work finishes',
    ok: remaining.length === 0,
    detail:
      remaining.length === 0
        ? `after ${((performance.now() - startedAt) / 1000).toFixed(0)} s no marker, view, import, job or geocoding entry is pending`
        : `after ${MAX_WAIT_MS / 1000} s still pending: ${remaining.map(([kind, count]) => `${count} ${kind}`).join(', ')}`,
  };
}

/** Compares both history relations with the history that the acknowledged reports give. */
export async function checkHistory({ servers, fleet, record }: SoakContext): Promise<Check[]> {
  const [state] = await servers.query<{ cut: Date }>('SELECT cut FROM history_state');
  if (!state) throw new Error('history_state is empty');
  const phones = new Set(fleet.phone.map(({ key }) => key));
  // Phone reports carry no city; geocoding fills it in, so it is not compared.
  const comparable = (rows: readonly DetailedRow[]): DetailedRow[] =>
    rows.map((row) => (phones.has(row.key) ? { ...row, city: null } : row));
  const expected = comparable(detailedHistory(record.acknowledged, state.cut));
  const checks: Check[] = [];
  for (const relation of ['location_history_view', 'location_history'] as const) {
    const rows = await servers.query<StoredRow>(READ_HISTORY(relation));
    const parsed = rows.map((row) => ({ ...row, reports: Number(row.reports) }));
    checks.push(compare(relation, expected, comparable(normalize(parsed))));
  }
  return checks;
}

function compare(relation: string, expected: readonly DetailedRow[], found: readonly DetailedRow[]): Check {
  const byRowKey = new Map(found.map((row) => [rowKey(row), row]));
  const differences: string[] = [];
  for (const row of expected) {
    const other = byRowKey.get(rowKey(row));
    byRowKey.delete(rowKey(row));
    if (!other) differences.push(`missing: ${JSON.stringify(row)}`);
    else if (!isDeepStrictEqual(row, other)) differences.push(`expected ${describeDifference(row, other)}`);
  }
  for (const row of [...byRowKey.values()].sort(compareRows))
    differences.push(`unexpected: ${JSON.stringify(row)}`);
  const reports = expected.reduce((sum, row) => sum + row.reports, 0);
  return {
    name: `${relation} matches the acknowledged reports`,
    ok: differences.length === 0,
    detail: `${reports} reports in ${expected.length} rows${differences.length > 0 ? `; ${differences.length} rows differ` : ''}`,
    more: differences.slice(0, MAX_PRINTED),
  };
}

const rowKey = ({ key, size, bucket }: DetailedRow): string => `${key} ${size} ${bucket}`;

function describeDifference(row: DetailedRow, other: DetailedRow): string {
  const names = Object.keys(row) as (keyof DetailedRow)[];
  const differing = names.filter((name) => row[name] !== other[name]);
  return `${rowKey(row)}: ${differing.map((name) => `${name} ${String(row[name])}, found ${String(other[name])}`).join('; ')}`;
}
