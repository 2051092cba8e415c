import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { endSession, type Session, whenSessionEnds } from '../database/session.js';
import { LockKeeper, type Renewal } from './lock-keeper.js';
import { lockKey } from '../database/lock-key.js';
import type { Lease, LockHolder, LockLeasesRepository } from './lock-leases.repository.js';
import { type FoundKey, HeldKey, type RedisLock } from './redis-lock.js';
import { redisLockName } from './redis-keys.js';
import { SessionStopper } from './session-stopper.js';
import { StrayKeys } from './stray-keys.js';

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
  private readonly strays: StrayKeys;

  /**
   * @param redis null: the advisory lock alone.
   * @param ttlMs how long a lock outlives a holder that does not answer; it is extended at a third of that.
   */
  constructor(
    private readonly leases: LockLeasesRepository,
    private readonly redis: RedisLock | null,
    private readonly ttlMs: number,
  ) {
    this.strays = new StrayKeys(ttlMs);
  }

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
    const redis = options.redis === false ? null : await this.takeInRedis(name, lease);
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

  /**
   * Keys in Redis in the place of these locks that nobody of this database stands behind: see StrayKeys. None where Redis
   * cannot be asked.
   */
  async strayKeys(names: readonly string[]): Promise<FoundKey[]> {
    const looks = names.map(async (name): Promise<FoundKey[]> => {
      const found = await this.redis?.look(redisLockName(name)).catch(() => null);
      if (!found || !this.strays.isStray(lockKey(name), found)) return [];
      return (await this.hasHolder(lockKey(name), found.value)) ? [] : [found];
    });
    return (await Promise.all(looks)).flat();
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

  /** @returns the key that is ours, 'held' where it is another's, null where it says nothing: see StrayKeys. */
  private async takeInRedis(
    name: string,
    { name: key, token, ttlMs }: Lease,
  ): Promise<HeldKey | 'held' | null> {
    try {
      const taken = this.redis && (await this.redis.take(redisLockName(name), token, ttlMs));
      if (taken !== null && !(taken instanceof HeldKey)) return await this.meet(key, taken);
      this.strays.isGone(key);
      return taken;
    } catch {
      return null; // the connection has told why
    }
  }

  private async meet(name: string, found: FoundKey): Promise<'held' | null> {
    const hasHolder = (token: string | null): Promise<boolean> => this.hasHolder(name, token);
    return (await this.strays.mayBePassed(name, found, hasHolder)) ? null : 'held';
  }

  /** A database that cannot be asked lets nobody work anyway. */
  private async hasHolder(name: string, token: string | null): Promise<boolean> {
    return token !== null && (await this.leases.isHeldBy(name, token).catch(() => true));
  }

  private async releaseInRedis({ name }: Lease, held: HeldKey | null): Promise<void> {
    try {
      if (held && !(await held.release())) this.logger.warn(`${name}: was no longer ours in Redis`);
    } catch {
      // It is released when Redis answers, or expires.
    }
  }

  /** The lease decides; Redis only where it answers that the key is another's. A Redis that is down ends no work. */
  private async extend(lease: Lease, held: HeldKey | null): Promise<Renewal> {
    const [leased, kept] = await Promise.all([
      this.leases.extend(lease),
      held ? held.extend().catch(() => true) : true,
    ]);
    return leased && kept ? 'extended' : 'lost';
  }
}

/** A session that holds a lock. */
interface Taken {
  session: Session;
  backendPid: number;
}
