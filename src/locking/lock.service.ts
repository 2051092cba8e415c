import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { endSession, type Session, whenSessionEnds } from '../database/session.js';
import { LockKeeper, type Renewal } from './lock-keeper.js';
import { lockKey } from './lock-key.js';
import type { Lease, LockHolder, LockLeasesRepository } from './lock-leases.repository.js';
import type { RedisLock } from './redis-lock.js';
import { SessionStopper } from './session-stopper.js';

export type { LockHolder };

/** What came of trying to work under a lock. */
export type LockOutcome<T> =
  | { outcome: 'acquired'; result: T }
  /** Another has it. */
  | { outcome: 'held' }
  /** It could not be asked for. */
  | { outcome: 'unavailable'; error: Error };

export interface LockOptions {
  /** Stops the work from outside: a deadline, for instance. */
  signal?: AbortSignal;
  /**
   * Whether Redis is asked first, where there is one; it is unless this is false. Not for what is short and frequent:
   * the key of a process that was killed keeps others away for its whole time, an advisory lock until the server notices.
   */
  redis?: boolean;
}

/** Work under a lock, on the session that holds it; the signal says when to stop. */
export type LockedWork<T> = (session: Session, signal: AbortSignal) => Promise<T>;

/** How long what runs under locks may go on when the process stops. */
const STOP_GRACE_MS = 3_000;

/**
 * Keeps what may run once at a time from running twice, in all processes together.
 *
 * Redis first, where there is one: cheap to ask, and visible. Then always an advisory lock of the database, on the very
 * session that does the work: it cannot outlive that session, so correctness never rests on Redis, and without Redis it
 * is enough. A lease in the database says until when the holder answers; the next one ends a session whose owner hangs.
 */
export class LockService implements OnModuleDestroy {
  private readonly logger = new Logger(LockService.name);
  private readonly stopping = new AbortController();
  private readonly holder = `${hostname()}:${process.pid}`;

  /**
   * @param redis null: the advisory lock alone.
   * @param ttlMs how long a lock outlives a holder that does not answer; it is extended at a third of that.
   */
  constructor(
    private readonly leases: LockLeasesRepository,
    private readonly redis: RedisLock | null,
    private readonly ttlMs: number,
  ) {}

  /**
   * Works under a lock, or not at all. When the lock is lost, the given signal aborts or the process stops, the
   * session's statement is cancelled, and the next one too, until the work has ended.
   *
   * @param name of the lock, e.g. `aggregate_refresh`; in Redis its key is `location_history:aggregate_refresh_lock`.
   * @throws what the work throws; WorkStoppedError where it was stopped.
   */
  async withLock<T>(name: string, work: LockedWork<T>, options: LockOptions = {}): Promise<LockOutcome<T>> {
    const lease = { name: lockKey(name), token: randomUUID(), holder: this.holder, ttlMs: this.ttlMs };
    const asked = performance.now();
    const redis = options.redis === false ? null : await this.takeInRedis(lease);
    if (redis === 'held') return { outcome: 'held' };
    try {
      const taken = await this.takeInDatabase(lease);
      if ('outcome' in taken) return taken;
      const keeper = new LockKeeper(lease.name, lease.ttlMs, asked, () => this.extend(lease, redis));
      const signals = [keeper.signal, this.stopping.signal, ...(options.signal ? [options.signal] : [])];
      return { outcome: 'acquired', result: await this.workOn(taken, lease, keeper, signals, work) };
    } finally {
      await this.releaseInRedis(lease, redis);
    }
  }

  /** Who works under which lock at this moment, in all processes. */
  holders(): Promise<LockHolder[]> {
    return this.leases.holders();
  }

  /** Work goes on for a moment when the process stops, and is cancelled then. */
  onModuleDestroy(): void {
    setTimeout(() => this.stopping.abort(new Error('the process is stopping')), STOP_GRACE_MS).unref();
  }

  private async workOn<T>(
    { session, backendPid }: Taken,
    lease: Lease,
    keeper: LockKeeper,
    signals: AbortSignal[],
    work: LockedWork<T>,
  ): Promise<T> {
    const signal = AbortSignal.any(signals);
    const stopper = new SessionStopper(session, signal, async () => {
      if (!session.isReleased) await this.leases.cancel(backendPid); // else it has ended, and its process with it
    });
    const unwatch = await whenSessionEnds(session, (reason) => keeper.lose(`its session ended (${reason})`));
    try {
      return await stopper.run(() => work(session, signal));
    } finally {
      unwatch();
      await keeper.stop();
      await this.giveUp(session, stopper.wasTold ? null : lease);
    }
  }

  private async takeInDatabase(
    lease: Lease,
  ): Promise<Taken | Exclude<LockOutcome<never>, { result: never }>> {
    let session: Session | null = null;
    try {
      session = await this.leases.openSession();
      const backendPid = await this.takeOrInherit(session, lease);
      if (backendPid !== null) return { session, backendPid };
      await session.release();
      return { outcome: 'held' };
    } catch (error) {
      if (session) await this.giveUp(session, null); // it may hold the lock all the same
      return { outcome: 'unavailable', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  /** Takes the lock, also from a holder whose lease has run out. */
  private async takeOrInherit(session: Session, lease: Lease): Promise<number | null> {
    const backendPid = await this.leases.take(session, lease);
    if (backendPid !== null || !(await this.leases.endExpiredHolder(session, lease.name))) return backendPid;
    this.logger.warn(`${lease.name}: its holder did not answer in time, and its session was ended`);
    return this.leases.take(session, lease);
  }

  /** @param lease to give back first; null where the session has to end, and the lock with it. */
  private async giveUp(session: Session, lease: Lease | null): Promise<void> {
    const given = lease && (await this.leases.give(session, lease).catch(() => false));
    if (!given) await endSession(session);
    await session.release();
  }

  /** @returns where the key is ours, 'held' where it is another's, null where there is no Redis that answers. */
  private async takeInRedis({ name, token, ttlMs }: Lease): Promise<RedisLock | 'held' | null> {
    try {
      return this.redis && ((await this.redis.take(name, token, ttlMs)) ? this.redis : 'held');
    } catch {
      return null; // the connection has told why
    }
  }

  private async releaseInRedis({ name, token }: Lease, redis: RedisLock | null): Promise<void> {
    try {
      if (redis && !(await redis.release(name, token)))
        this.logger.warn(`${name}: was no longer ours in Redis`);
    } catch {
      // It expires.
    }
  }

  /** The lease decides; Redis only where it answers that the key is another's. A Redis that is down ends no work. */
  private async extend(lease: Lease, redis: RedisLock | null): Promise<Renewal> {
    const [leased, kept] = await Promise.all([
      this.leases.extend(lease),
      redis ? redis.extend(lease.name, lease.token, lease.ttlMs).catch(() => true) : true,
    ]);
    return leased && kept ? 'extended' : 'lost';
  }
}

/** A session that holds a lock. */
interface Taken {
  session: Session;
  backendPid: number;
}
