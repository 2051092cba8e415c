import { createECDH, createHash } from 'node:crypto';

/** A key pair of a tracker as files have it; all base64. */
export interface KeyPair {
  privateKey: string;
  advertisementKey: string;
  hashedAdvKey: string;
}

/** The same number gives the same key. */
export function aKeyPair(n: number): KeyPair {
  const ecdh = createECDH('secp224r1');
  // 28 bytes below the order of the curve: the first byte is none of the largest.
  const bytes = createHash('sha224').update(`key ${n}`).digest();
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  ecdh.setPrivateKey(bytes);
  const x = ecdh.getPublicKey().subarray(1, 29);
  return {
    privateKey: bytes.toString('base64'),
    advertisementKey: x.toString('base64'),
    hashedAdvKey: createHash('sha256').update(x).digest('base64'),
  };
}

/** A device in macless-haystack's list: the first key is its own, the others are `additionalKeys`. */
export function aDevice(name: string, [first, ...others]: readonly KeyPair[]): Record<string, unknown> {
  return {
    id: 4711,
    colorComponents: [0, 1, 0, 1],
    name,
    privateKey: first?.privateKey,
    icon: '',
    isActive: true,
    additionalKeys: others.map(({ privateKey }) => privateKey),
  };
}

/** The forms in which a private key could come to light. */
export function formsOf({ privateKey }: KeyPair): string[] {
  const bytes = Buffer.from(privateKey, 'base64');
  return [privateKey, bytes.toString('hex'), bytes.toString('base64url'), [...bytes].join(',')];
}

/** Fails where a text has one of these private keys in it, in any form. */
export function expectNoSecretsIn(text: string, pairs: readonly KeyPair[]): void {
  for (const form of pairs.flatMap(formsOf)) {
    if (text.includes(form))
      throw new Error(
        `a private key came to light: …${text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form))}`,
      );
  }
}
