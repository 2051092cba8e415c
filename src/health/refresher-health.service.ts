import { Injectable } from '@nestjs/common';
import { type JobRun, JobRunner } from '../jobs/job-runner.js';
import { type LockHolder, LockService } from '../locking/lock.service.js';
import { RedisConnection } from '../locking/redis-connection.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import { RefresherHealthRepository } from './refresher-health.repository.js';

/** The channel that the database notifies refreshers on: see sql/definitions/common/refresh_markers.sql. */
const REFRESH_CHANNEL = 'refresh_location_history';
/** A run that failed so often for the same slot did not just meet another one. */
const FAILED_ATTEMPTS = 2;

/** What keeps history up to date, and what is wrong with it. */
export interface RefresherReport {
  listener: { sessions: number; since: Date | null; lastNotification: Date | null; here: string | null };
  redis: string;
  lastPeriodicRefresh: Date | null;
  locks: LockHolder[];
  jobs: JobRun[];
  problems: string[];
}

@Injectable()
export class RefresherHealthService {
  constructor(
    private readonly refresher: RefresherHealthRepository,
    private readonly locks: LockService,
    private readonly redis: RedisConnection,
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
    const { sessions, since, lastNotification, lastPeriodicRefresh } = facts;
    return {
      listener: { sessions, since, lastNotification, here: this.here() },
      redis: redis.state,
      lastPeriodicRefresh,
      locks,
      jobs,
      problems: [
        ...(redis.reason === null
          ? []
          : [`Redis does not answer (${redis.reason}): the advisory locks of the database do without it`]),
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
