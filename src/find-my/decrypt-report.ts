import { createDecipheriv, createHash } from 'node:crypto';
import type { PrivateKey } from '../tracker-keys/private-key.js';

/** What a finder said of a tracker. */
export interface FindMyReport {
  /** When it was seen, to the second: `YYYY-MM-DDTHH:MM:SS.000Z`. */
  timestamp: string;
  /** 0 to 255, as reported. */
  confidence: number;
  latitude: number;
  longitude: number;
  /** Metres, 0 to 255; 255 stands for anything more. */
  horizontalAccuracy: number;
  /** Battery and kind of device in its upper four bits, as the tracker sent it. */
  status: number;
  /** Percent, as far as the status tells; left out where it says nothing. */
  battery?: number;
}

/** Seconds from 1970 to 2001-01-01T00:00:00Z, where the clock of these reports begins. */
const EPOCH_2001 = 978_307_200;

/** The form of the first years, and the one since 2023: a byte more before the confidence. */
const FORM_LENGTHS: ReadonlySet<number> = new Set([88, 89]);
const POINT_BYTES = 57;
const CIPHERTEXT_BYTES = 10;
const TAG_BYTES = 16;
const SEALED_BYTES = POINT_BYTES + CIPHERTEXT_BYTES + TAG_BYTES;
const UNCOMPRESSED = 0x04;

/**
 * What the upper two bits of the status mean, in percent: full, medium, low, very low. The words are those of FindMy.py
 * (`findmy/scanner/scanner.py`), which reads the same byte over the air; the numbers are ours.
 */
const BATTERY_LEVELS = [100, 50, 20, 5] as const;

/**
 * Decrypts a report of the Find My network: ECDH over P-224, ANSI X9.63 key derivation, AES-128-GCM.
 *
 * Everything that the position depends on is covered by the tag: a payload that was changed there, or is for another
 * key, gives undefined and never a position. Time and confidence stand outside of it, as Apple made it; whether a time
 * can be is for the caller to judge.
 */
export function decryptReport(payload: Buffer, key: PrivateKey): FindMyReport | undefined {
  if (!FORM_LENGTHS.has(payload.length)) return undefined;
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

/** Home-made firmware leaves the whole byte 0: that says nothing of a battery. */
function batteryOf(status: number): number | undefined {
  return status === 0 ? undefined : BATTERY_LEVELS[status >> 6];
}

/** When the tracker was seen; stands in the payload as plain text. */
export function timeOf(payload: Buffer): Date {
  return new Date((payload.readUInt32BE(0) + EPOCH_2001) * 1000);
}

/** The ten bytes inside; undefined where they are not for this key, or not what was sent. */
function open(sealed: Buffer, key: PrivateKey): Buffer | undefined {
  const point = sealed.subarray(0, POINT_BYTES);
  // OpenSSL would also take the hybrid forms, 0x06 and 0x07.
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
    return undefined; // the one thing that it can throw: the tag does not fit
  }
  return plain;
}
