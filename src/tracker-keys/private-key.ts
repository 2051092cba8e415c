import { createECDH, createHash, type ECDH } from 'node:crypto';

/** Apple's network uses NIST P-224: numbers and coordinates of 28 bytes. */
const CURVE = 'secp224r1';
export const KEY_BYTES = 28;

/** Length of the Base64 of a key; also what tells one from other text. */
const KEY_BASE64 = /^[A-Za-z0-9+/]{37}[AQgw]==$/;

/**
 * The private key of a tracker: whoever has it can read where the tracker was.
 *
 * It is write-only. Its bytes leave through {@link PrivateKey.reveal} alone, for the cipher that keeps it; printed,
 * logged or turned into JSON it shows nothing.
 */
export class PrivateKey {
  readonly #bytes: Buffer;
  readonly #ecdh: ECDH;
  /** Public key that the tracker advertises: X of private key · G, base64. */
  readonly advertisementKey: string;
  /** base64(SHA-256(advertisement key)): the id that its reports carry. */
  readonly hashedAdvKey: string;

  private constructor(bytes: Buffer, ecdh: ECDH) {
    this.#bytes = bytes;
    this.#ecdh = ecdh;
    const x = ecdh.getPublicKey().subarray(1, 1 + KEY_BYTES);
    this.advertisementKey = x.toString('base64');
    this.hashedAdvKey = hashOf(x);
  }

  /** The key, or undefined where the bytes are no number from 1 to the order of the curve. */
  static fromBytes(bytes: Buffer): PrivateKey | undefined {
    if (bytes.length !== KEY_BYTES) return undefined;
    const ecdh = createECDH(CURVE);
    try {
      ecdh.setPrivateKey(bytes);
    } catch {
      return undefined; // what OpenSSL says of it has nothing to add
    }
    return new PrivateKey(bytes, ecdh);
  }

  /** The key, or undefined where the text is no base64 of one. */
  static fromBase64(text: string): PrivateKey | undefined {
    return KEY_BASE64.test(text) ? PrivateKey.fromBytes(Buffer.from(text, 'base64')) : undefined;
  }

  /**
   * X of private key · point, 28 bytes.
   *
   * @param point uncompressed: 0x04, X, Y.
   * @returns undefined where the point is not on the curve.
   */
  sharedSecret(point: Buffer): Buffer | undefined {
    try {
      return this.#ecdh.computeSecret(point);
    } catch {
      return undefined;
    }
  }

  /** The bytes themselves; to be encrypted, and for nothing else. */
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
