import { createDecipheriv, createHash } from 'node:crypto';
import type { PrivateKey } from '../tracker-keys/private-key.js';

/** A finder's sighting of a tracker. */
export interface FindMyReport {
  /** Time of the sighting, to the second: `YYYY-MM-DDTHH:MM:SS.000Z`. */
  timestamp: string;
  /** 0 to 255, as reported. */
  confidence: number;
  latitude: number;
  longitude: number;
  /** Metres, 0 to 255; 255 means 255 or more. */
  horizontalAccuracy: number;
  /** Status byte that the tracker sent; the upper four bits are battery and kind of device. */
  status: number;
  /** Percent, derived from the status; absent when the status has no battery level. */
  battery?: number;
}

/** Seconds from 1970 to 2001-01-01T00:00:00Z, the epoch of these reports. */
const EPOCH_2001 = 978_307_200;

/** Bytes of a report: in the original format, and since 2023 with one more byte before the confidence. */
const REPORT_LENGTHS: ReadonlySet<number> = new Set([88, 89]);
const POINT_BYTES = 57;
const CIPHERTEXT_BYTES = 10;
const TAG_BYTES = 16;
const SEALED_BYTES = POINT_BYTES + CIPHERTEXT_BYTES + TAG_BYTES;
const UNCOMPRESSED = 0x04;

/**
 * Percentages for the upper two bits of the status: full, medium, low, very low. The four levels are those of FindMy.py
 * (`findmy/scanner/scanner.py`), which reads the same byte over the air; the percentages are our choice.
 */
const BATTERY_LEVELS = [100, 50, 20, 5] as const;

/**
 * Decrypts a report of the Find My network: ECDH over P-224, ANSI X9.63 key derivation, AES-128-GCM.
 *
 * The authentication tag covers everything that the position depends on: for a payload that was modified there, or is
 * encrypted for another key, the result is undefined and never a wrong position. Apple left time and confidence outside
 * the tag, so the caller has to check that the time is plausible.
 */
export function decryptReport(payload: Buffer, key: PrivateKey): FindMyReport | undefined {
  if (!REPORT_LENGTHS.has(payload.length)) return undefined;
  const sealed = payload.subarray(-SEALED_BYTES);
  const plain = open(sealed, key);
  if (!plain) return undefined;
  const status = plain.readUInt8(9);
  const battery = batteryOf(status);
  return {
    timestamp: timeOf(payload).toISOString(),
    confidence: payload.readUInt8(payload.length - SEALED_BYTES - 1),
    latitude: plain.readInt32BE(0) / 1e7,
    longitude: plain.readInt32BE(4) / 1e7,
    horizontalAccuracy: plain.readUInt8(8),
    status,
    ...(battery !== undefined && { battery }),
  };
}

/** Returns undefined for 0: do-it-yourself firmware never sets the byte. */
function batteryOf(status: number): number | undefined {
  return status === 0 ? undefined : BATTERY_LEVELS[status >> 6];
}

/** Time of the sighting, which is not encrypted. */
export function timeOf(payload: Buffer): Date {
  return new Date((payload.readUInt32BE(0) + EPOCH_2001) * 1000);
}

/** Decrypts the ten bytes; undefined if they are encrypted for another key, or were modified. */
function open(sealed: Buffer, key: PrivateKey): Buffer | undefined {
  const point = sealed.subarray(0, POINT_BYTES);
  // OpenSSL would also accept the hybrid encodings, 0x06 and 0x07.
  const shared = point[0] === UNCOMPRESSED ? key.sharedSecret(point) : undefined;
  if (!shared) return undefined;
  const derived = createHash('sha256')
    .update(shared)
    .update(Buffer.of(0, 0, 0, 1))
    .update(point)
    .digest();
  const decipher = createDecipheriv('aes-128-gcm', derived.subarray(0, 16), derived.subarray(16), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(POINT_BYTES, POINT_BYTES + CIPHERTEXT_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined; // the tag does not match; final() has no other error
  }
  return plain;
}
