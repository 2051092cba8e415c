import { Logger } from '@nestjs/common';
import type { FoundKey } from './redis-lock.js';

/** Whether a holder of the lock in the database has the token that a key holds. */
export type HasHolder = (token: string | null) => Promise<boolean>;

interface Sighting {
  found: FoundKey;
  /** Since when nobody stands behind it. */
  since: number;
  told: boolean;
}

const TOKEN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Tells keys in the place of a lock that nobody of this database set from those of a holder: another program's, one that
 * never expires, one of another type. They must not keep everybody away for as long as they are there.
 *
 * Everyone who takes a lock writes his token into the database as well, so a key that holds another one for longer than a
 * lock lasts has nobody behind it: whoever died with it would be through, and whoever is about to write it has done so.
 */
export class StrayKeys {
  private readonly logger = new Logger('Redis');
  private readonly sightings = new Map<string, Sighting>();

  /** @param ttlMs how long a lock lasts that nobody extends. */
  constructor(private readonly ttlMs: number) {}

  /** @param lock its name. @returns whether work may go on as if the key were not there. */
  async mayBePassed(lock: string, found: FoundKey, hasHolder: HasHolder): Promise<boolean> {
    if (await hasHolder(found.value)) {
      this.isGone(lock);
      return false;
    }
    const sighting = this.see(lock, found);
    if (performance.now() - sighting.since <= this.ttlMs) return false;
    if (!sighting.told)
      this.logger.warn(`${describeStray(found)}. Work goes on under the advisory lock alone`);
    sighting.told = true;
    return true;
  }

  /** The lock was free, or somebody stands behind it. */
  isGone(lock: string): void {
    const sighting = this.sightings.get(lock);
    this.sightings.delete(lock);
    if (sighting?.told) this.logger.log(`${sighting.found.key} is no longer in the way`);
  }

  /**
   * At one look: whether nobody can stand behind a key, or nobody did for long. One of ours may have been set a moment ago,
   * or be left of a process that was killed; it expires.
   */
  isStray(lock: string, found: FoundKey): boolean {
    return this.sightings.get(lock)?.told === true || !this.mayBeOurs(found);
  }

  private see(lock: string, found: FoundKey): Sighting {
    const known = this.sightings.get(lock);
    // Another token is another acquisition, whose time begins anew; what others write may change all the time.
    const isAnother = known?.found.value !== found.value && this.mayBeOurs(found);
    if (known && !isAnother) return Object.assign(known, { found });
    this.isGone(lock);
    const sighting = { found, since: performance.now(), told: false };
    this.sightings.set(lock, sighting);
    return sighting;
  }

  private mayBeOurs({ value, ttlMs }: FoundKey): boolean {
    return value !== null && TOKEN.test(value) && ttlMs >= 0 && ttlMs <= this.ttlMs;
  }
}

/** Names a key that nobody stands behind, and what to do about it. */
export function describeStray({ key, type, ttlMs }: FoundKey): string {
  const expiry = ttlMs < 0 ? 'never expires' : `expires in ${Math.ceil(ttlMs / 1000)} s`;
  return (
    `Redis has a key ${key} (a ${type} that ${expiry}) that no process of this database set; ` +
    `unless another program needs it, delete it: redis-cli DEL ${key}`
  );
}
