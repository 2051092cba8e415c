import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { describeMoment } from '../common/describe-moment.js';
import { describeDuration } from '../common/describe-duration.js';
import { type ClockFacts, ClockRepository } from './clock.repository.js';
import { SystemClock } from './system-clock.js';

/** Clocks agree when they differ by at most this. Same value as in sql/definitions/common/history_clock.sql. */
const TOLERANCE_MS = 5 * 60_000;

/** A smaller lag of the agreed time is not reported: retention runs hourly. */
const LAG_MS = 60 * 60_000;

/** The times of all clocks, and whether they agree. */
export interface ClockState extends ClockFacts {
  programTime: Date;
  /** What is wrong and what to do about it; null when the clocks agree. */
  problem: string | null;
}

/** Keeps retention from following a single clock: see sql/definitions/common/history_clock.sql. */
@Injectable()
export class ClockService {
  private readonly logger = new Logger('Clock');
  private lastLogged: string | null = null;

  constructor(
    private readonly clock: SystemClock,
    private readonly repository: ClockRepository,
  ) {}

  /** Compares the clocks without changing anything. */
  async check(): Promise<ClockState> {
    const programTime = this.clock.now();
    return this.withProblem(await this.repository.facts(), programTime);
  }

  /** Advances the agreed time as far as the clocks allow. Logs when they stop agreeing and when they agree again. */
  async observe(): Promise<ClockState> {
    const programTime = this.clock.now();
    const facts = await this.repository.observe(this.clock.machine, this.clock.uptime(), programTime);
    const state = this.withProblem(facts, programTime);
    this.log(state);
    return state;
  }

  /**
   * Advances the agreed time. Call it before history is removed.
   *
   * @throws DomainError `CONFLICT` when the clocks of the program and the database disagree.
   */
  async requireAgreement(): Promise<void> {
    const { databaseTime, programTime, problem } = await this.observe();
    if (areApart(databaseTime, programTime))
      throw new DomainError('CONFLICT', problem ?? 'the clocks disagree');
  }

  /**
   * Sets the agreed time to the database's clock.
   *
   * @param evenIfApart also when this program's clock disagrees.
   * @throws DomainError `CONFLICT` when it disagrees and `evenIfApart` is false.
   */
  async accept(evenIfApart: boolean): Promise<ClockState> {
    const { databaseTime, programTime, problem } = await this.check();
    if (areApart(databaseTime, programTime) && !evenIfApart) throw new DomainError('CONFLICT', problem ?? '');
    await this.repository.accept();
    return this.check();
  }

  /**
   * Moves the agreed time back if a wrong clock once moved it ahead of both clocks.
   *
   * @throws DomainError `CONFLICT` when the clocks of the program and the database disagree.
   */
  async settle(): Promise<void> {
    await this.requireAgreement();
    const { databaseTime, agreedTime } = await this.check();
    if (agreedTime.getTime() - databaseTime.getTime() > TOLERANCE_MS) await this.repository.accept();
  }

  private withProblem(facts: ClockFacts, programTime: Date): ClockState {
    return { ...facts, programTime, problem: problemOf(facts, programTime) };
  }

  private log({ problem }: ClockState): void {
    const kind = problem && problem.replaceAll(/[\d:TZ.-]+/g, ''); // without its times
    if (kind === this.lastLogged) return;
    this.lastLogged = kind;
    if (problem !== null) this.logger.warn(problem);
    else this.logger.log('the clocks agree again');
  }
}

function areApart(one: Date, other: Date): boolean {
  return Math.abs(one.getTime() - other.getTime()) > TOLERANCE_MS;
}

function problemOf({ databaseTime, agreedTime }: ClockFacts, programTime: Date): string | null {
  const ahead = databaseTime.getTime() - programTime.getTime();
  if (Math.abs(ahead) > TOLERANCE_MS) {
    return (
      `The clock of the database (${describeMoment(databaseTime)}) is ${describeDuration(Math.abs(ahead))} ` +
      `${ahead > 0 ? 'ahead of' : 'behind'} the clock of this program (${describeMoment(programTime)}). ` +
      'Correct the wrong one. Until they agree within 5 minutes, no day is closed and nothing is removed'
    );
  }
  const behind = Math.min(databaseTime.getTime(), programTime.getTime()) - agreedTime.getTime();
  if (behind > LAG_MS) {
    return (
      `Retention still works by ${describeMoment(agreedTime)}, ${describeDuration(behind)} behind the clocks: they jumped, or no ` +
      'refresher has run since. Nothing newer is removed until ten reports with newer timestamps have arrived over at least ' +
      '15 minutes, or an operator confirms the clock: tracker clock --accept'
    );
  }
  if (-behind > TOLERANCE_MS) {
    return (
      `The clocks (${describeMoment(databaseTime)}) are ${describeDuration(-behind)} behind the time they had agreed on ` +
      `(${describeMoment(agreedTime)}): they were set back. Correct them; if the earlier time was wrong, run: tracker mend`
    );
  }
  return null;
}
