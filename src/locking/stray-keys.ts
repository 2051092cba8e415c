import { Logger } from '@nestjs/common';
import type { FoundKey } from './redis-lock.js';

/** Whether the holder of a lock in the database has this token. */
export type HasHolder = (token: string | null) => Promise<boolean>;

interface Sighting {
  found: FoundKey;
  /** When it was first seen without a holder, by performance.now(). */
  since: number;
  warned: boolean;
}

const TOKEN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Recognises keys that have the name of a lock but that no process of this database set: keys of another program, keys
 * that never expire, keys of another type. They must not block all processes for as long as they exist.
 *
 * Every process that acquires a lock in Redis also writes its token into the database. So a key whose token has been
 * unknown there for longer than the time to live of a lock has no holder: the key of a dead holder would have expired
 * by then, and a live holder would have written its token.
 */
export class StrayKeys {
  private readonly logger = new Logger('Redis');
  private readonly sightings = new Map<string, Sighting>();

  /** @param ttlMs time to live of a lock that nobody extends. */
  constructor(private readonly ttlMs: number) {}

  /** Whether work may start as if the key did not exist. @param lock its name in the database. */
  async mayIgnore(lock: string, found: FoundKey, hasHolder: HasHolder): Promise<boolean> {
    if (await hasHolder(found.value)) {
      this.forget(lock);
      return false;
    }
    const sighting = this.record(lock, found);
    if (performance.now() - sighting.since <= this.ttlMs) return false;
    if (!sighting.warned)
      this.logger.warn(`${describeStray(found)}. Until then only the advisory lock is used`);
    sighting.warned = true;
    return true;
  }

  /** Call it when the lock was free, or its key has a holder. */
  forget(lock: string): void {
    const sighting = this.sightings.get(lock);
    this.sightings.delete(lock);
    if (sighting?.warned) this.logger.log(`${sighting.found.key} is no longer in the way`);
  }

  /**
   * Whether a key is known to be stray, or cannot be from this product. A key that could be from this product may have
   * been set a moment ago, or by a process that was killed; it will expire.
   */
  isStray(lock: string, found: FoundKey): boolean {
    return this.sightings.get(lock)?.warned === true || !this.couldBeLock(found);
  }

  private record(lock: string, found: FoundKey): Sighting {
    const known = this.sightings.get(lock);
    // Another token of this product is a new acquisition, so its time starts again. Other programs may change their
    // value.
    const isAnother = known?.found.value !== found.value && this.couldBeLock(found);
    if (known && !isAnother) return Object.assign(known, { found });
    this.forget(lock);
    const sighting = { found, since: performance.now(), warned: false };
    this.sightings.set(lock, sighting);
    return sighting;
  }

  private couldBeLock({ value, ttlMs }: FoundKey): boolean {
    return value !== null && TOKEN.test(value) && ttlMs >= 0 && ttlMs <= this.ttlMs;
  }
}

/** Describes a key that has no holder, and what to do about it. */
export function describeStray({ key, type, ttlMs }: FoundKey): string {
  const expiry = ttlMs < 0 ? 'never expires' : `expires in ${Math.ceil(ttlMs / 1000)} s`;
  return (
    `Redis has a key ${key} (a ${type} that ${expiry}) that no process of this database set; ` +
    `unless another program needs it, delete it: redis-cli DEL ${key}`
  );
}
