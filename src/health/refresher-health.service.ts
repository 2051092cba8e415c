import { Injectable } from '@nestjs/common';
import { type JobRun, JobRunner } from '../jobs/job-runner.js';
import { type LockHolder, LockService } from '../locking/lock.service.js';
import type { FoundKey } from '../locking/redis-lock.js';
import { type RedisState, RedisStatus } from '../locking/redis-status.js';
import { describeStray } from '../locking/stray-keys.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import { RefresherHealthRepository } from './refresher-health.repository.js';

/** The channel on which the database notifies refreshers: see sql/definitions/common/refresh_markers.sql. */
const REFRESH_CHANNEL = 'refresh_location_history';
/** After this many failed attempts at a slot, a collision with another run is not the cause. */
const FAILED_ATTEMPTS = 2;
/** Locks to look up in Redis, held or not, in addition to those of all jobs that have run. */
const REFRESHER_LOCKS = ['view_refresh', 'aggregate_refresh', 'maintenance'];

/** The state of the refreshers, and its problems. */
export interface RefresherReport {
  listener: { sessions: number; since: Date | null; lastNotification: Date | null; here: string | null };
  redis: string;
  /** Pattern of this deployment's keys in Redis; null if it is unknown. */
  redisKeys: string | null;
  lastPeriodicRefresh: Date | null;
  locks: LockHolder[];
  /** Keys in Redis with the name of a lock that no process of this deployment set. */
  strayKeys: FoundKey[];
  jobs: JobRun[];
  problems: string[];
}

@Injectable()
export class RefresherHealthService {
  constructor(
    private readonly refresher: RefresherHealthRepository,
    private readonly locks: LockService,
    private readonly redis: RedisStatus,
    private readonly jobs: JobRunner,
    private readonly listeners: ListenerRegistry,
  ) {}

  async check(): Promise<RefresherReport> {
    const [facts, locks, jobs, redis] = await Promise.all([
      this.refresher.facts(REFRESH_CHANNEL),
      this.locks.holders(),
      this.jobs.lastRuns(),
      this.redis.state(),
    ]);
    const strayKeys = await this.locks.strayKeys([
      ...new Set([...REFRESHER_LOCKS, ...jobs.map(({ job }) => job)]),
    ]);
    const { sessions, since, lastNotification, lastPeriodicRefresh } = facts;
    return {
      listener: { sessions, since, lastNotification, here: this.here() },
      redis: redis.state,
      redisKeys: describeKeys(redis),
      lastPeriodicRefresh,
      locks,
      strayKeys,
      jobs,
      problems: [
        ...(redis.reason === null
          ? []
          : [`Redis ${redis.reason}; only the advisory locks of the database are used`]),
        ...strayKeys.map(describeStray),
        ...jobs
          .filter(({ outcome, attempt }) => outcome === 'failed' && attempt >= FAILED_ATTEMPTS)
          .map(({ job, attempt, error }) => `The job ${job} failed ${attempt} times: ${error ?? 'unknown'}`),
      ],
    };
  }

  private here(): string | null {
    const state = this.listeners.states().get(REFRESH_CHANNEL);
    if (!state) return null;
    return state.listening ? 'listening' : `not listening: ${state.reason}`;
  }
}

/** Describes the keys of this deployment, and why their prefix is not the default. */
function describeKeys({ keys, otherOwner }: RedisState): string | null {
  return keys && otherOwner
    ? `${keys}, because another deployment uses the default prefix (${otherOwner})`
    : keys;
}
