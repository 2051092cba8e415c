import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { describeMoment } from '../common/describe-moment.js';
import { describeDuration } from '../common/describe-duration.js';
import { type ClockFacts, ClockRepository } from './clock.repository.js';
import { SystemClock } from './system-clock.js';

/** Clocks that are at most so far apart agree. The same as in sql/definitions/common/history_clock.sql. */
const TOLERANCE_MS = 5 * 60_000;

/** Retention that lags by less than this is nothing to look at: nothing of it is due within the hour. */
const LAG_MS = 60 * 60_000;

/** What the clocks say. */
export interface ClockState extends ClockFacts {
  programTime: Date;
  /** What is wrong, in sentences that say what to do; null where nothing is. */
  problem: string | null;
}

/** Keeps retention from following a single clock: see sql/definitions/common/history_clock.sql. */
@Injectable()
export class ClockService {
  private readonly logger = new Logger('Clock');
  private said: string | null = null;

  constructor(
    private readonly clock: SystemClock,
    private readonly repository: ClockRepository,
  ) {}

  /** What the clocks say; changes nothing. */
  async check(): Promise<ClockState> {
    const programTime = this.clock.now();
    return this.judged(await this.repository.facts(), programTime);
  }

  /** Moves the agreed time on as far as the clocks allow; logs where they stop agreeing, and where they agree again. */
  async observe(): Promise<ClockState> {
    const programTime = this.clock.now();
    const facts = await this.repository.observe(this.clock.machine, this.clock.uptime(), programTime);
    const state = this.judged(facts, programTime);
    this.log(state);
    return state;
  }

  /**
   * Moves the agreed time on, before history is removed by it.
   *
   * @throws DomainError `CONFLICT` where the clocks of the program and the database are apart.
   */
  async requireAgreement(): Promise<void> {
    const { databaseTime, programTime, problem } = await this.observe();
    if (areApart(databaseTime, programTime))
      throw new DomainError('CONFLICT', problem ?? 'the clocks are apart');
  }

  /**
   * Takes the database's clock for right.
   *
   * @param evenIfApart also where this program's clock says something else.
   * @throws DomainError `CONFLICT` where it does.
   */
  async accept(evenIfApart: boolean): Promise<ClockState> {
    const { databaseTime, programTime, problem } = await this.check();
    if (areApart(databaseTime, programTime) && !evenIfApart) throw new DomainError('CONFLICT', problem ?? '');
    await this.repository.accept();
    return this.check();
  }

  /**
   * The clocks, where they agree; an agreed time that lies ahead of both, by a clock that was wrong, is taken back.
   *
   * @throws DomainError `CONFLICT` where the clocks of the program and the database are apart.
   */
  async settle(): Promise<void> {
    await this.requireAgreement();
    const { databaseTime, agreedTime } = await this.check();
    if (agreedTime.getTime() - databaseTime.getTime() > TOLERANCE_MS) await this.repository.accept();
  }

  private judged(facts: ClockFacts, programTime: Date): ClockState {
    return { ...facts, programTime, problem: problemOf(facts, programTime) };
  }

  private log({ problem }: ClockState): void {
    const kind = problem && problem.replaceAll(/[\d:TZ.-]+/g, ''); // the same with other times is the same
    if (kind === this.said) return;
    this.said = kind;
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
      'Set the wrong one right. Until they agree within 5 minutes no day is closed and nothing is removed'
    );
  }
  const behind = Math.min(databaseTime.getTime(), programTime.getTime()) - agreedTime.getTime();
  if (behind > LAG_MS) {
    return (
      `Retention still works by ${describeMoment(agreedTime)}, ${describeDuration(behind)} behind the clocks: they jumped, or no ` +
      'refresher has run since. Nothing newer is removed until ten reports with newer times have come in, which spread over ' +
      'a quarter of an hour, or an operator says that the clock is right: tracker clock --accept'
    );
  }
  if (-behind > TOLERANCE_MS) {
    return (
      `The clocks (${describeMoment(databaseTime)}) are ${describeDuration(-behind)} behind the time that they had agreed on ` +
      `(${describeMoment(agreedTime)}): they were set back. Set them right; if the earlier time was wrong, run: tracker mend`
    );
  }
  return null;
}
