import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PrivateKey } from '../tracker-keys/private-key.js';
import { decryptReport, timeOf } from './decrypt-report.js';
import { sealReport } from './testing/seal-report.js';

const KEY = keyOf('14XaAZY2jka5fYDp7VI+hDoS4pPXUZvYad74eg==');
const ANOTHER = keyOf('gBI8Rc7SE2cEUYpIoCHkG4TRWDXdm7vNTfFZ4Q==');

/** Encrypted for KEY by another implementation (Python's cryptography package). */
const S1 = Buffer.from(
  'LSY5pQIEPV8Q3u5Zel9kTz4gqaidZP3aHlUVMiaLHsn/RbpJfqO06XtFALBa70GC+/HJyBNaegkosm6syYlqiFxbGOjmUz4TNqr39jNhc8nizNH+no8bfw==',
  'base64',
);
const S1_REPORT = {
  timestamp: '2025-01-02T03:04:05.000Z',
  confidence: 2,
  latitude: 51.5074,
  longitude: -0.1278,
  horizontalAccuracy: 42,
  status: 0x50,
  battery: 50,
};
/** The same report in the newer format. */
const S1_89 = Buffer.concat([S1.subarray(0, 4), Buffer.of(0), S1.subarray(4)]);

/** Real payloads of 89 bytes whose keys are unknown: malmeloo/FindMy.py issue 27. */
const REAL: [string, string, number][] = [
  ['2bd8e645000504dee6a88ab4580e4c90dcacc62e0efae57a003a1bac1212ba670398be61cb648e08417cf3714ee0429f961793aa645600a7f69807e215292da3a6bda511953cb15b4840de16e26c17651eef760e77fa4b2ca5', '2024-04-24T07:03:33.000Z', 5],
  ['2bd7b26900010468fa7f5fa00df3fc86cc4755d130e5f537ae03d5121743dc262f52c5cd63ca7a2db12b4aa600cdae3c2fd8a840a046f0bb54cf27106c0312023fe1e6b6366c5be42e0bd2e7a0cdd3412e5aa9f730a4121b76', '2024-04-23T09:10:01.000Z', 1],
]; // prettier-ignore

/** Length of the unauthenticated bytes before the finder's point: time, an extra byte in the newer format, confidence. */
const headOf = (payload: Buffer): number => payload.length - 83;

function keyOf(text: string): PrivateKey {
  const key = PrivateKey.fromBase64(text);
  if (!key) throw new Error('no key');
  return key;
}

function withFlipped(payload: Buffer, bits: readonly number[]): Buffer {
  const changed = Buffer.from(payload);
  for (const bit of bits) changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

describe('decryptReport', () => {
  it('decrypts a report that another implementation encrypted, in both formats', () => {
    expect(S1).toHaveLength(88);
    expect(decryptReport(S1, KEY)).toEqual(S1_REPORT);
    expect(decryptReport(S1_89, KEY)).toEqual(S1_REPORT);
  });

  it('derives the shared secret of the test vector', () => {
    const shared = KEY.sharedSecret(S1.subarray(5, 62));
    expect(shared?.toString('hex')).toBe('d5f9e1867890b15a01876e4312cf695a788f6219a76eaaadd4d4bca5');
  });

  it.each(REAL)('finds time, confidence and point in a real payload (%#)', (hex, time, confidence) => {
    const payload = Buffer.from(hex, 'hex');
    expect(timeOf(payload).toISOString()).toBe(time);
    expect(payload[headOf(payload) - 1]).toBe(confidence);
    expect(KEY.sharedSecret(payload.subarray(6, 63))).toHaveLength(28); // the point is on the curve
    expect(decryptReport(payload, KEY)).toBeUndefined(); // encrypted for another key
  });

  it('returns undefined for another key', () => {
    expect(decryptReport(S1, ANOTHER)).toBeUndefined();
    expect(decryptReport(S1_89, ANOTHER)).toBeUndefined();
  });

  it('decrypts every position on earth and every byte that a finder may send', () => {
    fc.assert(
      fc.property(
        fc.record({
          at: fc.integer({ min: 978_307_200, max: 978_307_200 + 0xffff_ffff }).map((s) => new Date(s * 1000)),
          confidence: fc.nat(255),
          latitude: fc.integer({ min: -900_000_000, max: 900_000_000 }).map((n) => n / 1e7),
          longitude: fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }).map((n) => n / 1e7),
          accuracy: fc.nat(255),
          status: fc.nat(255),
        }),
        fc.constantFrom<88 | 89>(88, 89),
        (seen, form) => {
          const { at, accuracy, ...rest } = seen;
          const payload = sealReport(KEY.advertisementKey, seen, form);
          expect(payload).toHaveLength(form);
          expect(decryptReport(payload, KEY)).toEqual({
            ...rest,
            timestamp: at.toISOString(),
            horizontalAccuracy: accuracy,
            ...(seen.status !== 0 && { battery: [100, 50, 20, 5][Math.floor(seen.status / 64)] }),
          });
        },
      ),
      { seed: 1, numRuns: 50 },
    );
  });

  it.each([
    [0x00, undefined],
    [0x10, 100], // an AirTag
    [0x20, 100],
    [0x50, 50],
    [0x90, 20],
    [0xd0, 5],
    [0xc0, 5],
    [0xff, 5],
  ])('derives the battery from status %p', (status, battery) => {
    const seen = { at: new Date(), confidence: 1, latitude: 1, longitude: 2, accuracy: 3, status };
    const report = decryptReport(sealReport(KEY.advertisementKey, seen), KEY);
    expect(report).toMatchObject({ status });
    expect(report?.battery).toBe(battery);
    expect(report !== undefined && 'battery' in report).toBe(battery !== undefined);
  });

  it.each([
    ['88', S1],
    ['89', S1_89],
  ])('returns undefined if any bit that the position depends on is flipped (%s bytes)', (_form, payload) => {
    for (let bit = headOf(payload) * 8; bit < payload.length * 8; bit++)
      expect(decryptReport(withFlipped(payload, [bit]), KEY)).toBeUndefined();
  });

  it('never returns a wrong position, whichever bits are flipped', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(S1, S1_89),
        fc.uniqueArray(fc.nat(89 * 8 - 1), { minLength: 1, maxLength: 12 }),
        (payload, anywhere) => {
          const bits = anywhere.filter((bit) => bit < payload.length * 8);
          const report = decryptReport(withFlipped(payload, bits), KEY);
          if (bits.some((bit) => bit >= headOf(payload) * 8)) expect(report).toBeUndefined();
          else
            expect(report).toEqual({
              ...S1_REPORT,
              timestamp: expect.any(String),
              confidence: expect.any(Number),
            });
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });

  it('returns undefined for arbitrary bytes and lengths', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decryptReport(Buffer.from(bytes), KEY)).toBeUndefined();
      }),
      { seed: 3, numRuns: 300 },
    );
    for (let length = 0; length < S1_89.length; length++) {
      if (length !== 88) expect(decryptReport(S1_89.subarray(0, length), KEY)).toBeUndefined();
    }
    expect(decryptReport(S1_89.subarray(0, 88), KEY)).toBeUndefined();
    expect(decryptReport(Buffer.concat([S1_89, Buffer.of(0)]), KEY)).toBeUndefined();
  });

  it('accepts the uncompressed encoding of the finder’s point only', () => {
    for (const form of [0x00, 0x02, 0x03, 0x05, 0x06, 0x07]) {
      const changed = Buffer.from(S1);
      changed[5] = form;
      expect(decryptReport(changed, KEY)).toBeUndefined();
    }
  });
});
