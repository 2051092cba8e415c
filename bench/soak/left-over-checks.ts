import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, noneOf } from './checks.js';
import type { Ledger } from './record.js';
import type { Scene } from './clients.js';

/** Longer than a key in Redis and a session of a process that is gone may last. */
const PATIENCE_MS = 20_000;

/** What programs that were stopped may not leave behind. */
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

/** After every program was stopped. */
export async function checkLeftOvers({ servers, signal }: Scene): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, sql] of Object.entries(LEFT_OVER)) {
    checks.push(await soonNone(name, signal, () => servers.query(sql)));
  }
  checks.push(
    await soonNone('sessions of the programs', signal, async () => {
      // Those of pgbouncer carry the name of the client that last had them, and outlive it.
      const pooled = new Set(await servers.bouncer.backends());
      const sessions = await servers.query<{ pid: number }>(
        `SELECT pid, application_name, state, left(query, 100) AS query FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'tracker-location-history%'`,
      );
      return sessions.filter(({ pid }) => !pooled.has(pid));
    }),
    await soonNone('keys of locks in Redis', signal, () => servers.redis.locks()),
  );
  return checks;
}

async function soonNone(
  name: string,
  signal: AbortSignal,
  find: () => Promise<readonly unknown[]>,
): Promise<Check> {
  const end = performance.now() + PATIENCE_MS;
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
  given: number;
  byTracker: number;
  byReason: number;
}

/** Whether the ledger adds up, and says what the clients were answered. */
export async function checkLedger({ servers, record }: Scene): Promise<Check[]> {
  const runs = await servers.query<RunRow>(
    `SELECT id::text, kind, outcome, read::int, stored::int, late::int, duplicate::int, rejected::int,
       (reports_given + items_given)::int AS given,
       (SELECT coalesce(sum(t.stored + t.late + t.duplicate), 0)::int FROM import_run_trackers AS t WHERE t.run_id = r.id)
         AS "byTracker",
       (SELECT coalesce(sum(j.reports), 0)::int FROM import_run_rejections AS j WHERE j.run_id = r.id) AS "byReason"
     FROM import_runs AS r ORDER BY r.id`,
  );
  const uneven = runs.filter(
    ({ read, stored, late, duplicate, rejected, given, byTracker, byReason }) =>
      read !== stored + late + duplicate + rejected ||
      read !== given ||
      byTracker !== stored + late + duplicate ||
      byReason !== rejected,
  );
  const byId = new Map(runs.map((run) => [run.id, run]));
  const others = [...record.answers].filter(([id, answer]) => {
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
  const counted = [
    ['files', record.imported.files, sum(['stored', 'late'], ['http', 'file'])],
    ['phones', record.imported.phones, sum(['stored', 'late'], ['owntracks', 'overland'])],
  ] as const;
  return [
    {
      name: 'the sums of each import run hold',
      ok: uneven.length === 0,
      detail: `${runs.length} runs: ${[...outcomes].map(([what, count]) => `${count} ${what}`).join(', ')}`,
      more: uneven.slice(0, 5).map((run) => JSON.stringify(run)),
    },
    {
      name: 'the ledger says what was answered',
      ok: others.length === 0,
      detail: `${record.answers.size} answers`,
      more: others.slice(0, 5).map((answer) => JSON.stringify([answer, byId.get(answer[0])])),
    },
    {
      name: 'each imported report was counted once',
      ok: counted.every(([, given, found]) => given === found),
      detail: counted
        .map(([what, given, found]) => `${what}: ${given} acknowledged, ${found} stored or late`)
        .join('; '),
    },
  ];
}
