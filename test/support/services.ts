import type { QueryResultRow } from 'pg';
import { latestSlot, nextSlot } from '../../src/jobs/slots.js';
import type { DataSource } from 'typeorm';
import { ClockRepository } from '../../src/clock/clock.repository.js';
import { ClockService } from '../../src/clock/clock.service.js';
import { SystemClock } from '../../src/clock/system-clock.js';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { DeploymentRepository } from '../../src/locking/deployment.repository.js';
import { LockLeasesRepository } from '../../src/locking/lock-leases.repository.js';
import { type LockOutcome, LockService } from '../../src/locking/lock.service.js';
import { REDIS_OPTIONS, RedisConnection } from '../../src/locking/redis-connection.js';
import { RedisKeys } from '../../src/locking/redis-keys.js';
import { RedisLock } from '../../src/locking/redis-lock.js';
import { RedisStatus } from '../../src/locking/redis-status.js';
import { HistoryGuardRepository } from '../../src/history-guard/history-guard.repository.js';
import { HistoryGuardService } from '../../src/history-guard/history-guard.service.js';
import { RestoreWatch } from '../../src/history-guard/restore-watch.js';
import type { AggregatesService } from '../../src/aggregates/aggregates.service.js';
import { HistoryHealthRepository } from '../../src/health/history-health.repository.js';
import { HistoryHealthService } from '../../src/health/history-health.service.js';
import { RefresherHealthRepository } from '../../src/health/refresher-health.repository.js';
import { RefresherHealthService } from '../../src/health/refresher-health.service.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { JobRunsRepository } from '../../src/jobs/job-runs.repository.js';
import { ListenerRegistry } from '../../src/pg-listener/listener-registry.js';
import { TransactionsHealthRepository } from '../../src/health/transactions-health.repository.js';
import { TransactionsHealthService } from '../../src/health/transactions-health.service.js';
import type { Job } from '../../src/jobs/job.js';

/** The open database of one process, e.g. a TestDatabase. */
interface OpenDatabase {
  dataSource: DataSource;
  aggregates: AggregatesService;
  locks: LockService;
}

/** Runs statements, e.g. a TestDatabase. */
interface Queryable {
  query<T extends QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>;
  value<T>(sql: string, values?: unknown[]): Promise<T>;
}

/** The clock service of one process. */
export function clockOf(process: DataSource, clock = new SystemClock()): ClockService {
  return new ClockService(clock, new ClockRepository(process));
}

/** The locks of one process that has no Redis. */
export function locksOf(db: DataSource, ttlMs = 30_000): LockService {
  return new LockService(new LockLeasesRepository(db), null, ttlMs);
}

/** The Redis keys of one process that has no Redis. */
export function noRedis(db: DataSource): RedisKeys {
  return new RedisKeys(new RedisConnection(null), new DeploymentRepository(db), null);
}

/** The locks of one process that has Redis. */
export class LocksWithRedis {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly status: RedisStatus;
  readonly service: LockService;

  /** @param prefix value of REDIS_KEY_PREFIX. */
  constructor(db: DataSource, url: string, ttlMs: number, prefix: string | null = null) {
    this.connection = new RedisConnection(new Redis(url, REDIS_OPTIONS));
    this.connection.onModuleInit();
    this.keys = new RedisKeys(this.connection, new DeploymentRepository(db), prefix);
    this.status = new RedisStatus(this.keys);
    this.service = new LockService(new LockLeasesRepository(db), new RedisLock(this.keys), ttlMs);
  }

  close(): void {
    this.connection.onApplicationShutdown();
  }
}

/** Acquires a lock and keeps it until `release` is called, which returns the outcome. */
export async function holdLock(
  locks: LockService,
  name: string,
): Promise<{ release: () => Promise<LockOutcome<void>> }> {
  let entered = (): void => undefined;
  let release = (): void => undefined;
  const inside = new Promise<void>((resolve) => (entered = resolve));
  const end = new Promise<void>((resolve) => (release = resolve));
  const holding = locks.withLock(name, async () => {
    entered();
    await end;
  });
  await Promise.race([inside, holding]);
  return {
    release: () => {
      release();
      return holding;
    },
  };
}

/** A name that no other test locks. */
export const lockName = (): string => `test_${randomUUID()}`;

/** The history guard of one process. */
export function guardOf({ dataSource, aggregates }: Omit<OpenDatabase, 'locks'>): HistoryGuardService {
  return new HistoryGuardService(new HistoryGuardRepository(dataSource), clockOf(dataSource), aggregates);
}

/** The detection of restored backups in one process that has just started. */
export function restoreWatchOf(
  { dataSource }: Pick<OpenDatabase, 'dataSource'>,
  keys = noRedis(dataSource),
): RestoreWatch {
  return new RestoreWatch(new HistoryGuardRepository(dataSource), keys);
}

/** Parts of LocksWithRedis that the health checks use. */
interface WithRedis {
  status: RedisStatus;
  service: LockService;
}

/** The health checks of one process without a listener. */
export function healthOf(
  db: OpenDatabase,
  redis?: WithRedis,
  open = new TransactionsHealthRepository(db.dataSource),
): HistoryHealthService {
  const locks = redis?.service ?? db.locks;
  const refresher = new RefresherHealthService(
    new RefresherHealthRepository(db.dataSource),
    locks,
    redis?.status ?? new RedisStatus(noRedis(db.dataSource)),
    new JobRunner(new JobRunsRepository(db.dataSource), locks),
    new ListenerRegistry(),
  );
  return new HistoryHealthService(
    new HistoryHealthRepository(db.dataSource),
    refresher,
    clockOf(db.dataSource),
    guardOf(db),
    new TransactionsHealthService(open),
  );
}

/** A row of job_runs. */
export interface RecordedRun {
  slot: Date | null;
  covers_from: Date | null;
  attempt: number;
  outcome: 'running' | 'done' | 'failed';
  ms: number | null;
  row_count: number | null;
  details: unknown;
  error: string | null;
  retry_at: Date | null;
}

/** Records the newest slot and the next three of these jobs as done, so that none is due for a while. */
export async function markJobsDone(db: Queryable, jobs: Record<string, string>): Promise<void> {
  const now = await db.value<Date>('SELECT now()');
  for (const [job, cron] of Object.entries(jobs)) {
    let slot = latestSlot(cron, now);
    for (let i = 0; i < 4; i++, slot = nextSlot(cron, slot)) {
      await db.query(
        `INSERT INTO job_runs (job, slot, attempt, holder, outcome, finished_at) VALUES ($1, $2, 1, 'test', 'done', now())`,
        [job, slot],
      );
    }
  }
}

/** The recorded runs of a job, in the order in which they began. */
export function recordedRuns(db: Queryable, job: string): Promise<RecordedRun[]> {
  return db.query('SELECT * FROM job_runs WHERE job = $1 ORDER BY id', [job]);
}

/** The job runner of one process. */
export function runnerOf(
  process: DataSource,
  ttlMs = 1000,
  runs = new JobRunsRepository(process),
): JobRunner {
  return new JobRunner(runs, locksOf(process, ttlMs));
}

/** An hourly job named `test`. */
export function testJob(run: Job['run'], others: Partial<Job> = {}): Job {
  return { name: 'test', cron: '7 * * * *', deadlineMs: 60_000, run, ...others };
}
