import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { PrivateKey } from './private-key.js';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The command that generates an encryption key. */
export const GENERATE_KEY_COMMAND = 'openssl rand -base64 32';

/** A private key as the database stores it. */
export interface EncryptedKey {
  /** Nonce, ciphertext and tag. */
  sealed: Buffer;
  /** Id of the key that it is encrypted with: see {@link idOf}. */
  encryptionKeyId: string;
}

/**
 * The keys that encrypt private keys: the current one encrypts, the older ones only decrypt.
 *
 * The hashed advertisement key is bound to the ciphertext as associated data: a ciphertext that is moved to the row of
 * another key cannot be decrypted.
 */
export class EncryptionKeys {
  private readonly keys: ReadonlyMap<string, Buffer>;
  readonly currentId: string;

  /** @param keys 32 bytes each; the first one is the current one. */
  constructor(keys: readonly [Buffer, ...Buffer[]]) {
    this.keys = new Map(keys.map((key) => [idOf(key), key]));
    this.currentId = idOf(keys[0]);
  }

  /**
   * Returns the configured keys; null if there are none: private keys can then be neither stored nor read.
   *
   * @throws DomainError `BAD_CONFIGURATION` that names the variable but never shows its value.
   */
  static fromConfig(config: AppConfig): EncryptionKeys | null {
    const file = config.TRACKER_KEY_ENCRYPTION_KEY_FILE;
    const lines = (
      config.TRACKER_KEY_ENCRYPTION_KEY ?? (file === undefined ? '' : readEncryptionKeyFile(file))
    ).split('\n');
    const old = config.TRACKER_KEY_ENCRYPTION_OLD_KEYS?.split(',') ?? [];
    const [current, ...others] = [...lines, ...old].map((text) => text.trim()).filter((text) => text !== '');
    if (current === undefined) return null;
    const source =
      file === undefined ? 'TRACKER_KEY_ENCRYPTION_KEY' : `TRACKER_KEY_ENCRYPTION_KEY_FILE (${file})`;
    const decode = (text: string): Buffer => {
      const key = Buffer.from(text, 'base64');
      if (key.length !== 32 || key.toString('base64') !== text) {
        throw new DomainError(
          'BAD_CONFIGURATION',
          `${source} must be base64 of 32 bytes. Generate a key with: ${GENERATE_KEY_COMMAND}`,
        );
      }
      return key;
    };
    return new EncryptionKeys([decode(current), ...others.map(decode)]);
  }

  /** Ids of all keys, the current one first. */
  get ids(): readonly string[] {
    return [...this.keys.keys()];
  }

  seal(key: PrivateKey): EncryptedKey {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.keyOf(this.currentId), nonce);
    cipher.setAAD(associatedData(this.currentId, key.hashedAdvKey));
    const sealed = Buffer.concat([nonce, cipher.update(key.reveal()), cipher.final(), cipher.getAuthTag()]);
    return { sealed, encryptionKeyId: this.currentId };
  }

  /**
   * Decrypts a private key.
   *
   * @throws DomainError `BAD_CONFIGURATION` when the key that encrypted it is not among these, or when the ciphertext is
   * damaged or belongs to another advertisement key.
   */
  open({ sealed, encryptionKeyId }: EncryptedKey, hashedAdvKey: string): PrivateKey {
    const decipher = createDecipheriv(
      ALGORITHM,
      this.keyOf(encryptionKeyId),
      sealed.subarray(0, NONCE_BYTES),
      { authTagLength: TAG_BYTES },
    );
    decipher.setAAD(associatedData(encryptionKeyId, hashedAdvKey));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    let bytes: Buffer;
    try {
      bytes = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        `The stored private key of ${hashedAdvKey} is damaged; import it again with: tracker keys import`,
        { cause },
      );
    }
    const key = PrivateKey.fromBytes(bytes);
    if (key?.hashedAdvKey !== hashedAdvKey) throw new Error('a private key was sealed for another row');
    return key;
  }

  private keyOf(id: string): Buffer {
    const key = this.keys.get(id);
    if (!key) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        `A private key is encrypted with the key ${id}, which is not configured (configured: ${this.ids.join(', ')}). Add the former key to TRACKER_KEY_ENCRYPTION_OLD_KEYS`,
      );
    }
    return key;
  }
}

/** Id of a key that does not reveal it: 16 hexadecimal digits. If two ids collide, the tag detects the wrong key. */
function idOf(key: Buffer): string {
  return createHmac('sha256', key).update('tracker_keys encryption key id').digest('hex').slice(0, 16);
}

function associatedData(encryptionKeyId: string, hashedAdvKey: string): Buffer {
  return Buffer.from(`tracker_keys 1 ${encryptionKeyId} ${hashedAdvKey}`);
}

function readEncryptionKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `TRACKER_KEY_ENCRYPTION_KEY_FILE (${file}) cannot be read: ${String(cause)}`,
      {
        cause,
      },
    );
  }
}
