import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, noneOf } from './checks.js';
import type { Ledger } from './record.js';
import type { SoakContext } from './context.js';

/** Longer than a Redis key or a database session outlives its process. */
const MAX_WAIT_MS = 20_000;

/** Queries for rows that must not remain after all programs have ended. */
const LEFT_OVER: Record<string, string> = {
  'advisory locks': `SELECT l.pid, l.classid, l.objid, l.granted, a.application_name, a.state, left(a.query, 100) AS query
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  'holders of locks': 'SELECT name, holder, acquired_at, expires_at FROM lock_holders',
  'leases of locks': 'SELECT name, holder, acquired_at, expires_at FROM lock_leases',
  'refresh markers': 'SELECT * FROM refresh_markers',
  'import runs that are running': `SELECT id, kind, owner, started_at FROM import_runs WHERE outcome = 'running'`,
  'job runs that are running': `SELECT id, job, slot, holder FROM job_runs WHERE outcome = 'running'`,
  'sessions idle in transaction': `SELECT pid, application_name, state, left(query, 100) AS query FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
  'prepared transactions': 'SELECT gid FROM pg_prepared_xacts',
};

/** Checks that nothing remains; call it after all programs have ended. */
export async function checkLeftOvers({ servers, signal }: SoakContext): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, sql] of Object.entries(LEFT_OVER)) {
    checks.push(await expectNone(name, signal, () => servers.query(sql)));
  }
  checks.push(
    await expectNone('sessions of the programs', signal, async () => {
      // A session of pgbouncer keeps the name of its last client, and outlives it.
      const pooled = new Set(await servers.bouncer.backends());
      const sessions = await servers.query<{ pid: number }>(
        `SELECT pid, application_name, state, left(query, 100) AS query FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'tracker-location-history%'`,
      );
      return sessions.filter(({ pid }) => !pooled.has(pid));
    }),
    await expectNone('keys of locks in Redis', signal, () => servers.redis.locks()),
  );
  return checks;
}

/** Repeats a query until it finds nothing, for up to {@link MAX_WAIT_MS}. */
async function expectNone(
  name: string,
  signal: AbortSignal,
  find: () => Promise<readonly unknown[]>,
): Promise<Check> {
  const end = performance.now() + MAX_WAIT_MS;
  for (;;) {
    const found = await find();
    if (found.length === 0 || performance.now() > end) return noneOf(`no ${name}`, found);
    await sleep(500, undefined, { signal });
  }
}

interface RunRow extends Ledger {
  id: string;
  kind: string;
  outcome: string;
  /** Number of reports and items that the program counted itself. */
  given: number;
  /** Sum of the counts by tracker, and by rejection reason. */
  byTracker: number;
  byReason: number;
}

/** Checks that each ledger adds up and equals the answer that its client received. */
export async function checkLedger({ servers, record }: SoakContext): Promise<Check[]> {
  const runs = await servers.query<RunRow>(
    `SELECT id::text, kind, outcome, read::int, stored::int, late::int, duplicate::int, rejected::int,
       (reports_given + items_given)::int AS given,
       (SELECT coalesce(sum(t.stored + t.late + t.duplicate), 0)::int FROM import_run_trackers AS t WHERE t.run_id = r.id)
         AS "byTracker",
       (SELECT coalesce(sum(j.reports), 0)::int FROM import_run_rejections AS j WHERE j.run_id = r.id) AS "byReason"
     FROM import_runs AS r ORDER BY r.id`,
  );
  const inconsistent = runs.filter(
    ({ read, stored, late, duplicate, rejected, given, byTracker, byReason }) =>
      read !== stored + late + duplicate + rejected ||
      read !== given ||
      byTracker !== stored + late + duplicate ||
      byReason !== rejected,
  );
  const byId = new Map(runs.map((run) => [run.id, run]));
  const differing = [...record.ledgers].filter(([id, answer]) => {
    const run = byId.get(id);
    const names = Object.keys(answer) as (keyof Ledger)[];
    return run?.outcome !== 'completed' || names.some((name) => run[name] !== answer[name]);
  });
  const sum = (names: readonly (keyof Ledger)[], kinds: readonly string[]): number =>
    runs
      .filter(({ kind }) => kinds.includes(kind))
      .reduce((total, run) => total + names.reduce((part, name) => part + run[name], 0), 0);
  const outcomes = new Map<string, number>();
  for (const { kind, outcome } of runs)
    outcomes.set(`${kind} ${outcome}`, (outcomes.get(`${kind} ${outcome}`) ?? 0) + 1);
  const imported = [
    ['files', record.imported.files, sum(['stored', 'late'], ['http', 'file'])],
    ['phones', record.imported.phones, sum(['stored', 'late'], ['owntracks', 'overland'])],
  ] as const;
  return [
    {
      name: 'the counts of each import run add up',
      ok: inconsistent.length === 0,
      detail: `${runs.length} runs: ${[...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`,
      more: inconsistent.slice(0, 5).map((run) => JSON.stringify(run)),
    },
    {
      name: 'each ledger equals the answer to its client',
      ok: differing.length === 0,
      detail: `${record.ledgers.size} answers`,
      more: differing.slice(0, 5).map((answer) => JSON.stringify([answer, byId.get(answer[0])])),
    },
    {
      name: 'each imported report was counted once',
      ok: imported.every(([, acknowledged, found]) => acknowledged === found),
      detail: imported
        .map(
          ([source, acknowledged, found]) =>
            `${source}: ${acknowledged} acknowledged, ${found} stored or late`,
        )
        .join('; '),
    },
  ];
}
