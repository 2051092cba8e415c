import { createECDH, createHash, type ECDH } from 'node:crypto';

/** Apple's network uses NIST P-224, with numbers and coordinates of 28 bytes. */
const CURVE = 'secp224r1';
export const KEY_BYTES = 28;

/** Base64 of 28 bytes. */
const BASE64_KEY = /^[A-Za-z0-9+/]{37}[AQgw]==$/;

/**
 * The private key of a tracker: whoever has it can decrypt the positions of the tracker.
 *
 * Only {@link PrivateKey.reveal} returns its bytes, for the cipher that encrypts it; text, logs and JSON do not contain
 * them.
 */
export class PrivateKey {
  readonly #bytes: Buffer;
  readonly #ecdh: ECDH;
  /** Public key that the tracker advertises: X of private key · G, base64. */
  readonly advertisementKey: string;
  /** base64(SHA-256(advertisement key)): the key that its reports carry. */
  readonly hashedAdvKey: string;

  private constructor(bytes: Buffer, ecdh: ECDH) {
    this.#bytes = bytes;
    this.#ecdh = ecdh;
    const x = ecdh.getPublicKey().subarray(1, 1 + KEY_BYTES);
    this.advertisementKey = x.toString('base64');
    this.hashedAdvKey = hashOf(x);
  }

  /** Returns undefined unless the bytes are a number from 1 to below the order of the curve. */
  static fromBytes(bytes: Buffer): PrivateKey | undefined {
    if (bytes.length !== KEY_BYTES) return undefined;
    const ecdh = createECDH(CURVE);
    try {
      ecdh.setPrivateKey(bytes);
    } catch {
      return undefined; // the message of OpenSSL adds nothing
    }
    return new PrivateKey(bytes, ecdh);
  }

  /** Returns undefined unless the text is base64 of a private key. */
  static fromBase64(text: string): PrivateKey | undefined {
    return BASE64_KEY.test(text) ? PrivateKey.fromBytes(Buffer.from(text, 'base64')) : undefined;
  }

  /**
   * Returns X of private key · point, 28 bytes.
   *
   * @param point uncompressed: 0x04, X, Y.
   * @returns undefined if the point is not on the curve.
   */
  sharedSecret(point: Buffer): Buffer | undefined {
    try {
      return this.#ecdh.computeSecret(point);
    } catch {
      return undefined;
    }
  }

  /** Returns the bytes. Use them only for encryption. */
  reveal(): Buffer {
    return this.#bytes;
  }

  toString(): string {
    return '[private key]';
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** base64(SHA-256(bytes)). */
function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}
