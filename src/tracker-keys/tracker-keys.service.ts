import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { type EncryptionKeys, GENERATE_KEY_COMMAND } from './encryption-keys.js';
import type { PrivateKey } from './private-key.js';
import { type ListedKey, type NewKey, TrackerKeysRepository } from './tracker-keys.repository.js';

/** Injection token of {@link EncryptionKeys}; null if none is configured. */
export const ENCRYPTION_KEYS = Symbol('ENCRYPTION_KEYS');

/** Keys per transaction of a rotation. */
const ROTATION_BATCH = 500;

/** Result of a rotation. */
export interface RotationSummary {
  /** Id of the encryption key that encrypts all keys now. */
  encryptionKeyId: string;
  resealed: number;
  /** Number of keys that already used it. */
  current: number;
}

/** The private keys of trackers: stored encrypted, used only to decrypt reports, never shown. */
@Injectable()
export class TrackerKeysService {
  constructor(
    private readonly keys: TrackerKeysRepository,
    @Inject(ENCRYPTION_KEYS) private readonly configured: EncryptionKeys | null,
  ) {}

  /**
   * Returns the keys of a tracker, its first key first; empty if it has none.
   *
   * @throws DomainError `BAD_CONFIGURATION` when they cannot be decrypted.
   */
  async privateKeysOf(trackerId: string): Promise<PrivateKey[]> {
    const stored = await this.keys.findByTracker(trackerId);
    return stored.map((key) => this.requireEncryption().open(key, key.hashedAdvKey));
  }

  /** Whether a tracker has a private key to decrypt its reports with. */
  async hasKeys(trackerId: string): Promise<boolean> {
    return (await this.keys.findByTracker(trackerId)).length > 0;
  }

  /** All keys, without their secrets. */
  list(): Promise<ListedKey[]> {
    return this.keys.list();
  }

  /**
   * Adds keys to a tracker; see {@link TrackerKeysRepository.add}.
   *
   * @throws DomainError `BAD_CONFIGURATION` when no encryption key is configured.
   */
  add(trackerId: string, keys: readonly PrivateKey[], macAddress: string | null): Promise<number> {
    const sealed = keys.map((key): NewKey => ({
      advertisementKey: key.advertisementKey,
      hashedAdvKey: key.hashedAdvKey,
      ...this.requireEncryption().seal(key),
    }));
    return this.keys.add(trackerId, sealed, macAddress);
  }

  /**
   * Checks that every stored key can be decrypted.
   *
   * @throws DomainError `BAD_CONFIGURATION` that names the missing encryption keys.
   */
  async verifyReadable(): Promise<void> {
    const encryption = this.requireEncryption();
    const counts = await this.keys.countByEncryptionKey();
    const unreadable = [...counts].filter(([id]) => !encryption.ids.includes(id));
    if (unreadable.length > 0) {
      const listed = unreadable.map(([id, keys]) => `${keys} are encrypted with ${id}`).join(', ');
      throw new DomainError(
        'BAD_CONFIGURATION',
        `The configured encryption keys (${encryption.ids.join(', ')}) do not decrypt all private keys: ${listed}. ` +
          'Check TRACKER_KEY_ENCRYPTION_KEY, and add former keys to TRACKER_KEY_ENCRYPTION_OLD_KEYS',
      );
    }
  }

  /**
   * Re-encrypts all keys that an old key encrypted, with the current key. Safe to repeat, to interrupt, and to run
   * concurrently.
   *
   * @throws DomainError `BAD_CONFIGURATION` when some keys cannot be decrypted; then nothing is changed.
   */
  async rotate(): Promise<RotationSummary> {
    await this.verifyReadable();
    const encryption = this.requireEncryption();
    const counts = await this.keys.countByEncryptionKey();
    const current = counts.get(encryption.currentId) ?? 0;
    const old = encryption.ids.filter((id) => id !== encryption.currentId);
    const reseal = (): Promise<number> =>
      this.keys.reseal(old, ROTATION_BATCH, (key) => encryption.seal(encryption.open(key, key.hashedAdvKey)));
    let resealed = 0;
    for (let done = await reseal(); done > 0; done = await reseal()) resealed += done;
    return { encryptionKeyId: encryption.currentId, resealed, current };
  }

  /** @throws DomainError `BAD_CONFIGURATION` when no encryption key is configured. */
  requireEncryption(): EncryptionKeys {
    if (!this.configured) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        'Private keys are stored encrypted, and no encryption key is configured: set TRACKER_KEY_ENCRYPTION_KEY or ' +
          `TRACKER_KEY_ENCRYPTION_KEY_FILE. Generate a key with: ${GENERATE_KEY_COMMAND}`,
      );
    }
    return this.configured;
  }
}
