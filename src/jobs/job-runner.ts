import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { FailureLog } from '../common/errors/failure-log.js';
import { databaseErrorCode, describeRefusal } from '../common/errors/pg-errors.js';
import type { Session } from '../database/session.js';
import { LockService } from '../locking/lock.service.js';
import type { Job, JobReport } from './job.js';
import { type ClaimedRun, type JobRun, JobRunsRepository, type RunRecord } from './job-runs.repository.js';
import { checkCron, dueSlot, missedFrom, retryDelayMs, type ScheduleState } from './slots.js';

export type { JobRun };

/** How long the process waits for running jobs when it stops; by then LockService has stopped their work. */
const STOP_WAIT_MS = 8_000;
/** How many times recording the end of a run is attempted while the database is unreachable. */
const RECORD_ATTEMPTS = 10;
const RECORD_EVERY_MS = 500;

/**
 * Runs jobs on schedule, each slot once across all processes. The database's clock decides what is due, and the
 * database records which slots have been run; the lock of a job shows whether its run is still alive.
 */
@Injectable()
export class JobRunner implements BeforeApplicationShutdown {
  private readonly logger = new Logger(JobRunner.name);
  private readonly failures = new FailureLog(this.logger);
  private readonly jobs = new Map<string, Job>();
  /** Names of the scheduled jobs that are running in this process. */
  private readonly running = new Set<string>();
  /** All current runs, on schedule or by hand. */
  private readonly pending = new Set<Promise<JobReport>>();
  private readonly holder = `${hostname()}:${process.pid}`;
  private stopped = false;

  constructor(
    private readonly runs: JobRunsRepository,
    private readonly locks: LockService,
  ) {}

  /**
   * Adds a job; features call it when their module starts.
   *
   * @throws Error for a duplicate name or an invalid cron expression.
   */
  register(job: Job): void {
    if (this.jobs.has(job.name)) throw new Error(`a job "${job.name}" is registered already`);
    checkCron(job.cron);
    this.jobs.set(job.name, job);
  }

  /** Runs the due jobs; resolves when they have ended. Never rejects: failures are logged and recorded. */
  async tick(): Promise<void> {
    const idle = [...this.jobs.values()].filter(({ name }) => !this.running.has(name));
    if (this.stopped || idle.length === 0) return;
    await this.failures.attempt('query the due jobs', async () => {
      const states = await this.runs.states(idle.map(({ name }) => name));
      await Promise.all(idle.map((job) => this.runIfDue(job, states.get(job.name))));
    });
  }

  /** Runs a job by hand, unless it is running. Its schedule does not change. @throws Error for an unknown job. */
  async runNow(name: string): Promise<JobReport> {
    const job = this.jobs.get(name);
    if (!job) throw new Error(`there is no job "${name}"`);
    return this.run(job, null);
  }

  /** The last run of every job, of all processes. */
  lastRuns(): Promise<JobRun[]> {
    return this.runs.lastRuns();
  }

  /** Details of the last successful run of a job; null if there was none. */
  lastDetails(name: string): Promise<Record<string, unknown> | null> {
    return this.runs.lastDetails(name);
  }

  /** Starts nothing more, and waits for running jobs. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    const ended = Promise.allSettled(this.pending);
    await Promise.race([ended, sleep(STOP_WAIT_MS, undefined, { ref: false })]);
  }

  private async runIfDue(job: Job, state: ScheduleState | undefined): Promise<void> {
    const slot = state && dueSlot(job.cron, state);
    if (!slot || this.stopped || this.running.has(job.name)) return;
    this.running.add(job.name);
    await this.run(job, slot);
    this.running.delete(job.name);
  }

  /** Never rejects. */
  private async run(job: Job, slot: Date | null): Promise<JobReport> {
    const run = this.runUnderLock(job, slot);
    this.pending.add(run);
    try {
      return await run;
    } finally {
      this.pending.delete(run);
    }
  }

  private async runUnderLock(job: Job, slot: Date | null): Promise<JobReport> {
    const began = performance.now();
    const deadline = new AbortController();
    const late = new Error(`it took longer than ${job.deadlineMs} ms`);
    const timer = setTimeout(() => deadline.abort(late), job.deadlineMs);
    try {
      const tried = await this.locks.withLock(
        job.name,
        (session, signal) => this.claimAndRun(job, slot, session, signal),
        deadline.signal,
      );
      if (tried.outcome === 'unavailable') this.logger.warn(`${job.name}: no lock: ${tried.error.message}`);
      return tried.outcome === 'acquired' ? tried.result : tried;
    } catch (error) {
      this.logger.error(`${job.name}: ${describe(error)}`);
      return { outcome: 'failed', ms: performance.now() - began, error: toError(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  private async claimAndRun(
    job: Job,
    slot: Date | null,
    session: Session,
    signal: AbortSignal,
  ): Promise<JobReport> {
    const run = await this.runs.claim(session, job.name, slot, this.holder);
    if (!run) return { outcome: 'taken' };
    const began = performance.now();
    let report: JobReport;
    try {
      report = { outcome: 'done', result: await job.run(signal, session), ms: performance.now() - began };
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      report = { outcome: 'failed', error: toError(reason), ms: performance.now() - began };
    }
    this.logOutcome(job, slot, run, report);
    const coversFrom = slot && missedFrom(job.cron, slot, run.doneSlot);
    await this.record(job, run, recordOf(report, run, coversFrom));
    return report;
  }

  /** Records the end of a run. Retried, so that work is not repeated because the database was briefly unreachable. */
  private async record(job: Job, run: ClaimedRun, record: RunRecord): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (!(await this.runs.finish(run.id, record)))
          this.logger.warn(`${job.name}: another process took over the run before it ended`);
        await this.runs.deleteOld(job.name);
        return;
      } catch (error) {
        if (attempt === RECORD_ATTEMPTS) throw error;
        await sleep(RECORD_EVERY_MS);
      }
    }
  }

  private logOutcome(job: Job, slot: Date | null, run: ClaimedRun, report: JobReport): void {
    const what = `${job.name} ${slot ? `of ${slot.toISOString()}` : 'by hand'}`;
    if (report.outcome === 'done') {
      const { rows } = report.result;
      this.logger.log(
        `${what}: done in ${Math.round(report.ms)} ms${rows === undefined ? '' : `, ${rows} rows`}`,
      );
    } else if (report.outcome === 'failed') {
      const text = `${what}: failed at attempt ${run.attempt}: ${describe(report.error)}`;
      if (run.attempt === 1) this.logger.warn(text);
      else this.logger.error(text, explainsItself(report.error) ? undefined : report.error.stack);
    }
  }
}

function recordOf(report: JobReport, run: ClaimedRun, coversFrom: Date | null): RunRecord {
  if (report.outcome === 'done') return { outcome: 'done', ms: report.ms, ...report.result, coversFrom };
  if (report.outcome !== 'failed') throw new Error(`a run cannot end as ${report.outcome}`);
  return {
    outcome: 'failed',
    ms: report.ms,
    error: describe(report.error),
    retryInMs: retryDelayMs(run.attempt),
  };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Whether the message of an error is enough; others need their stack. */
function explainsItself(error: unknown): boolean {
  return error instanceof DomainError || databaseErrorCode(error) !== undefined;
}

function describe(error: unknown): string {
  return (describeRefusal(error) ?? toError(error).message).slice(0, 500);
}
