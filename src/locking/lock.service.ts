import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { lockKey } from '../database/lock-key.js';
import { endSession, type Session, whenSessionEnds } from '../database/session.js';
import type { Lease, LockHolder, LockLeasesRepository } from './lock-leases.repository.js';
import { LockRenewer, type Renewal } from './lock-renewer.js';
import { redisLockName } from './redis-keys.js';
import { type FoundKey, HeldKey, type RedisLock } from './redis-lock.js';
import { SessionStopper } from './session-stopper.js';
import { StrayKeys } from './stray-keys.js';

export type { LockHolder };

/** Result of an attempt to work under a lock. */
export type LockOutcome<T> =
  | { outcome: 'acquired'; result: T }
  /** Another process has the lock. */
  | { outcome: 'held' }
  /** The database could not be reached. */
  | { outcome: 'unavailable'; error: Error };

/** Work under a lock, on the session that holds it; it has to stop when the signal aborts. */
export type LockedWork<T> = (session: Session, signal: AbortSignal) => Promise<T>;

/** How long work under locks may continue when the process stops. */
const STOP_GRACE_MS = 3_000;

/**
 * Runs work under a lock that only one of all processes can hold at a time.
 *
 * If Redis is configured, its key is acquired first: that is cheap, and operators can see it. Then always an advisory
 * lock of the database is acquired, on the session that does the work. That lock cannot outlive the session, so
 * correctness never depends on Redis, and without Redis it is enough. A lease in the database records until when the
 * holder counts as alive; if the holder hangs, the next process ends its session.
 */
export class LockService implements OnModuleDestroy {
  private readonly logger = new Logger(LockService.name);
  private readonly stopping = new AbortController();
  private readonly holder = `${hostname()}:${process.pid}`;
  private readonly strays: StrayKeys;

  /**
   * @param redis null: use only the advisory lock.
   * @param ttlMs how long a lock outlives a holder that does not answer; it is extended after a third of that.
   */
  constructor(
    private readonly leases: LockLeasesRepository,
    private readonly redis: RedisLock | null,
    private readonly ttlMs: number,
  ) {
    this.strays = new StrayKeys(ttlMs);
  }

  /**
   * Works under a lock, if it is free. When the lock is lost, the signal aborts or the process stops, the statement of
   * the session is cancelled, and so are its next ones, until the work has ended.
   *
   * @param name of the lock, e.g. `aggregate_refresh`; its key in Redis is `location_history:aggregate_refresh_lock`.
   * @param signal stops the work from outside, e.g. at a deadline.
   * @throws what the work throws; WorkStoppedError when it was stopped.
   */
  async withLock<T>(name: string, work: LockedWork<T>, signal?: AbortSignal): Promise<LockOutcome<T>> {
    const lease = this.newLease(name);
    const requestedAt = performance.now();
    const key = await this.takeInRedis(name, lease);
    if (key === 'held') return { outcome: 'held' };
    try {
      return await this.workUnderLease(lease, key, requestedAt, work, signal);
    } finally {
      await this.releaseInRedis(lease, key);
    }
  }

  /**
   * As withLock(), with the advisory lock alone. For work that is short and frequent: the key of a process that was
   * killed blocks others for its whole time to live, the advisory lock only until the server notices.
   */
  withDatabaseLock<T>(name: string, work: LockedWork<T>, signal?: AbortSignal): Promise<LockOutcome<T>> {
    return this.workUnderLease(this.newLease(name), null, performance.now(), work, signal);
  }

  /** Current holders of locks, in all processes. */
  holders(): Promise<LockHolder[]> {
    return this.leases.holders();
  }

  /**
   * Keys in Redis that have the names of these locks but no holder, see StrayKeys. Empty when Redis cannot be reached.
   */
  async strayKeys(names: readonly string[]): Promise<FoundKey[]> {
    const checks = names.map(async (name): Promise<FoundKey[]> => {
      const found = await this.redis?.inspect(redisLockName(name)).catch(() => null);
      if (!found || !this.strays.isStray(lockKey(name), found)) return [];
      return (await this.hasHolder(lockKey(name), found.value)) ? [] : [found];
    });
    return (await Promise.all(checks)).flat();
  }

  /** Gives running work a moment to end, then cancels it. */
  onModuleDestroy(): void {
    setTimeout(() => this.stopping.abort(new Error('the process is stopping')), STOP_GRACE_MS).unref();
  }

  private newLease(name: string): Lease {
    return { name: lockKey(name), token: randomUUID(), holder: this.holder, ttlMs: this.ttlMs };
  }

  private async workUnderLease<T>(
    lease: Lease,
    key: HeldKey | null,
    requestedAt: number,
    work: LockedWork<T>,
    signal?: AbortSignal,
  ): Promise<LockOutcome<T>> {
    const taken = await this.takeInDatabase(lease);
    if ('outcome' in taken) return taken;
    const renewer = new LockRenewer(lease.name, lease.ttlMs, requestedAt, () => this.extend(lease, key));
    const signals = [renewer.signal, this.stopping.signal, ...(signal ? [signal] : [])];
    return { outcome: 'acquired', result: await this.runWork(taken, lease, renewer, signals, work) };
  }

  private async runWork<T>(
    { session, backendPid }: LockedSession,
    lease: Lease,
    renewer: LockRenewer,
    signals: AbortSignal[],
    work: LockedWork<T>,
  ): Promise<T> {
    const signal = AbortSignal.any(signals);
    const stopper = new SessionStopper(session, signal, async () => {
      if (!session.isReleased) await this.leases.cancel(backendPid); // a released session has ended
    });
    const unwatch = await whenSessionEnds(session, (reason) =>
      renewer.markLost(`its session ended (${reason})`),
    );
    try {
      return await stopper.run(() => work(session, signal));
    } finally {
      unwatch();
      await renewer.stop();
      await this.releaseSession(session, stopper.wasCancelled ? null : lease);
    }
  }

  private async takeInDatabase(
    lease: Lease,
  ): Promise<LockedSession | Exclude<LockOutcome<never>, { result: never }>> {
    let session: Session | null = null;
    try {
      session = await this.leases.openSession();
      const backendPid = await this.takeLease(session, lease);
      if (backendPid !== null) return { session, backendPid };
      await session.release();
      return { outcome: 'held' };
    } catch (error) {
      if (session) await this.releaseSession(session, null); // it may hold the lock nevertheless
      return { outcome: 'unavailable', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  /** Takes the lock, if need be from a holder whose lease has expired. */
  private async takeLease(session: Session, lease: Lease): Promise<number | null> {
    const backendPid = await this.leases.take(session, lease);
    if (backendPid !== null || !(await this.leases.endExpiredHolder(session, lease.name))) return backendPid;
    this.logger.warn(`${lease.name}: its holder did not answer in time, so its session was ended`);
    return this.leases.take(session, lease);
  }

  /** @param lease to release first; null: the session has to end, and the lock ends with it. */
  private async releaseSession(session: Session, lease: Lease | null): Promise<void> {
    const released = lease && (await this.leases.release(session, lease).catch(() => false));
    if (!released) await endSession(session);
    await session.release();
  }

  /**
   * @returns the acquired key; 'held' if another process has the lock; null if Redis is not used or cannot be reached.
   */
  private async takeInRedis(
    name: string,
    { name: lock, token, ttlMs }: Lease,
  ): Promise<HeldKey | 'held' | null> {
    try {
      const taken = this.redis && (await this.redis.take(redisLockName(name), token, ttlMs));
      if (taken !== null && !(taken instanceof HeldKey)) {
        const mayIgnore = await this.strays.mayIgnore(lock, taken, (value) => this.hasHolder(lock, value));
        return mayIgnore ? null : 'held';
      }
      this.strays.forget(lock);
      return taken;
    } catch {
      return null; // RedisConnection logs why
    }
  }

  /**
   * Whether the holder of a lock has this token. Also true when the database fails: then nobody can acquire the lock
   * anyway.
   */
  private async hasHolder(lock: string, token: string | null): Promise<boolean> {
    return token !== null && (await this.leases.isHeldBy(lock, token).catch(() => true));
  }

  private async releaseInRedis({ name }: Lease, key: HeldKey | null): Promise<void> {
    try {
      if (key && !(await key.release()))
        this.logger.warn(`${name}: its key in Redis had expired or changed before the release`);
    } catch {
      // It is released when Redis answers again, or expires.
    }
  }

  /**
   * Extends lease and key. A missing lease ends the work; Redis ends it only if another process has the key, not if it
   * is down.
   */
  private async extend(lease: Lease, key: HeldKey | null): Promise<Renewal> {
    const [hasLease, hasKey] = await Promise.all([
      this.leases.extend(lease),
      key ? key.extend().catch(() => true) : true,
    ]);
    return hasLease && hasKey ? 'extended' : 'lost';
  }
}

/** A session that holds a lock. */
interface LockedSession {
  session: Session;
  backendPid: number;
}
