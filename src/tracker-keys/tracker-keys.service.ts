import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { type EncryptionKeys, MAKE_A_KEY } from './encryption-keys.js';
import type { PrivateKey } from './private-key.js';
import { type ListedKey, type NewKey, TrackerKeysRepository } from './tracker-keys.repository.js';

/** Injection token of {@link EncryptionKeys}; null where none is configured. */
export const ENCRYPTION_KEYS = Symbol('ENCRYPTION_KEYS');

/** Rows of one transaction of a rotation. */
const ROTATION_BATCH = 500;

/** What a rotation did. */
export interface RotationSummary {
  /** What all keys are encrypted with now. */
  encryptionKeyId: string;
  resealed: number;
  /** How many were encrypted with it before. */
  current: number;
}

/** The private keys of trackers: kept encrypted, handed to the code that decrypts reports, shown to nobody. */
@Injectable()
export class TrackerKeysService {
  constructor(
    private readonly keys: TrackerKeysRepository,
    @Inject(ENCRYPTION_KEYS) private readonly configured: EncryptionKeys | null,
  ) {}

  /**
   * The keys of a tracker, its first one first; empty where it has none.
   *
   * @throws DomainError `BAD_CONFIGURATION` when they cannot be opened.
   */
  async privateKeysOf(trackerId: string): Promise<PrivateKey[]> {
    const stored = await this.keys.findByTracker(trackerId);
    return stored.map((key) => this.encryption().open(key, key.hashedAdvKey));
  }

  /** Whether there is anything to read a tracker's reports with. */
  async hasKeys(trackerId: string): Promise<boolean> {
    return (await this.keys.findByTracker(trackerId)).length > 0;
  }

  /** Without what is secret. */
  list(): Promise<ListedKey[]> {
    return this.keys.list();
  }

  /**
   * Adds keys to a tracker; see {@link TrackerKeysRepository.add}.
   *
   * @throws DomainError `BAD_CONFIGURATION` where there is nothing to encrypt them with.
   */
  add(trackerId: string, keys: readonly PrivateKey[], macAddress: string | null): Promise<number> {
    const sealed = keys.map((key): NewKey => ({
      advertisementKey: key.advertisementKey,
      hashedAdvKey: key.hashedAdvKey,
      ...this.encryption().seal(key),
    }));
    return this.keys.add(trackerId, sealed, macAddress);
  }

  /**
   * Makes sure that every key that is kept can be opened, so that work does not begin that cannot be done.
   *
   * @throws DomainError `BAD_CONFIGURATION` that says which encryption key is missing.
   */
  async verifyReadable(): Promise<void> {
    const encryption = this.encryption();
    const counts = await this.keys.countByEncryptionKey();
    const unreadable = [...counts].filter(([id]) => !encryption.ids.includes(id));
    if (unreadable.length > 0) {
      const listed = unreadable.map(([id, keys]) => `${keys} with ${id}`).join(', ');
      throw new DomainError(
        'BAD_CONFIGURATION',
        `There are private keys that the configured encryption keys (${encryption.ids.join(', ')}) do not open: ` +
          `${listed}. Is TRACKER_KEY_ENCRYPTION_KEY the right one? A former one belongs into TRACKER_KEY_ENCRYPTION_OLD_KEYS`,
      );
    }
  }

  /**
   * Encrypts anew what is encrypted with an old key. Safe to repeat, beside everything else, and to interrupt.
   *
   * @throws DomainError `BAD_CONFIGURATION` when there are keys that cannot be read; nothing is changed then.
   */
  async rotate(): Promise<RotationSummary> {
    await this.verifyReadable();
    const encryption = this.encryption();
    const counts = await this.keys.countByEncryptionKey();
    const current = counts.get(encryption.currentId) ?? 0;
    const old = encryption.ids.filter((id) => id !== encryption.currentId);
    const reseal = (): Promise<number> =>
      this.keys.reseal(old, ROTATION_BATCH, (key) => encryption.seal(encryption.open(key, key.hashedAdvKey)));
    let resealed = 0;
    for (let done = await reseal(); done > 0; done = await reseal()) resealed += done;
    return { encryptionKeyId: encryption.currentId, resealed, current };
  }

  /** @throws DomainError `BAD_CONFIGURATION` where no key is configured. */
  encryption(): EncryptionKeys {
    if (!this.configured) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        'Private keys are kept encrypted, and there is no key for that: set TRACKER_KEY_ENCRYPTION_KEY, or ' +
          `TRACKER_KEY_ENCRYPTION_KEY_FILE. Make one with: ${MAKE_A_KEY}`,
      );
    }
    return this.configured;
  }
}
