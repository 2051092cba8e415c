import { createCipheriv, createECDH, createHash } from 'node:crypto';

/** The content of a report by a finder's phone. */
export interface SeenTracker {
  at: Date;
  confidence: number;
  latitude: number;
  longitude: number;
  accuracy: number;
  status: number;
}

/**
 * Encrypts a report as a finder's phone does.
 *
 * @param advertisementKey the X coordinate of the tracker's public key, base64. Trackers do not send Y; either works.
 * @param form length in bytes: 88, or 89 since 2023.
 */
export function sealReport(advertisementKey: string, seen: SeenTracker, form: 88 | 89 = 89): Buffer {
  const ephemeral = createECDH('secp224r1');
  ephemeral.generateKeys();
  return seal(ephemeral.getPublicKey(), ephemeral.computeSecret(compressed(advertisementKey)), seen, form);
}

function compressed(advertisementKey: string): Buffer {
  return Buffer.concat([Buffer.of(0x02), Buffer.from(advertisementKey, 'base64')]);
}

function seal(point: Buffer, shared: Buffer, seen: SeenTracker, form: 88 | 89): Buffer {
  const derived = createHash('sha256')
    .update(shared)
    .update(Buffer.of(0, 0, 0, 1))
    .update(point)
    .digest();
  const plain = Buffer.alloc(10);
  plain.writeInt32BE(Math.round(seen.latitude * 1e7), 0);
  plain.writeInt32BE(Math.round(seen.longitude * 1e7), 4);
  plain.writeUInt8(seen.accuracy, 8);
  plain.writeUInt8(seen.status, 9);
  const cipher = createCipheriv('aes-128-gcm', derived.subarray(0, 16), derived.subarray(16));
  const head = Buffer.alloc(form - 83);
  head.writeUInt32BE(Math.floor(seen.at.getTime() / 1000) - 978_307_200, 0);
  head.writeUInt8(seen.confidence, head.length - 1);
  return Buffer.concat([head, point, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}
