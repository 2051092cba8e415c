import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { REAL_DATA } from '../../test/support/real-files.js';
import { PrivateKey } from './private-key.js';

/** Private key, advertisement key, hash: the first three of seemoo-lab/openhaystack, sampleKeys.plist. */
const VECTORS: [string, string, string][] = [
  ['14XaAZY2jka5fYDp7VI+hDoS4pPXUZvYad74eg==', '6qo5suoEETuel0Jr/bSIS7rnh+Nyew1GO/D0GQ==', 'KknbNnEvhlyS5zpLH9h22TpDoDKdTVMRLOn+jf8hi0w='],
  ['gBI8Rc7SE2cEUYpIoCHkG4TRWDXdm7vNTfFZ4Q==', 'sUO2VpdW2I2EU0atxK08PoyhoyK0XW/vW/w8lg==', 'VY9/jYK/qxW+vLZ/hdlQBzmjwn7hWZBbsemBN5KVXws='],
  ['SO8PVOx6D2MMexueie38Z+lh/Gy+U5T2ywhUow==', '0j3Opy2g1cnvw7MrI6GD3sQ3Pp5zrTkN1+MVKg==', 'hF3QSioArm6nUPVpIBiA+pM8Aa63r6TFNBLKuPlAKb8='],
]; // prettier-ignore

const SAMPLES = join(REAL_DATA, 'openhaystack-sample-keys.json');

/** The order of the curve: not a private key. */
const ORDER = 'ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d';

function keyOf(text: string): PrivateKey {
  const key = PrivateKey.fromBase64(text);
  if (!key) throw new Error(`not a key: ${text}`);
  return key;
}

describe('PrivateKey', () => {
  it.each(VECTORS)(
    'derives from %s the advertisement key %s',
    (privateKey, advertisementKey, hashedAdvKey) => {
      expect(keyOf(privateKey)).toMatchObject({ advertisementKey, hashedAdvKey });
    },
  );

  (existsSync(SAMPLES) ? it : it.skip)(
    `computes public key and hash of all 400 samples (skipped if ${SAMPLES} is missing)`,
    () => {
      const { keys } = JSON.parse(readFileSync(SAMPLES, 'utf8')) as { keys: Record<string, string>[] };
      expect(keys).toHaveLength(400);
      const computed = keys.map(({ privateKey = '' }) => {
        const { advertisementKey, hashedAdvKey } = keyOf(privateKey);
        return { privateKey, advertisementKey, hashedAdvKey };
      });
      expect(computed).toEqual(keys);
    },
  );

  it.each([
    ['an empty text', ''],
    ['27 bytes', Buffer.alloc(27, 1).toString('base64')],
    ['29 bytes', Buffer.alloc(29, 1).toString('base64')],
    ['zero', Buffer.alloc(28).toString('base64')],
    ['the order of the curve', Buffer.from(ORDER, 'hex').toString('base64')],
    ['a larger number', Buffer.alloc(28, 0xff).toString('base64')],
    ['hexadecimal digits', '1485da0196368e46b97d80e9ed523e843a12e293d7519bd869def87a'],
  ])('rejects %s', (_what, text) => {
    expect(PrivateKey.fromBase64(text)).toBeUndefined();
  });

  it('accepts the largest number below the order', () => {
    const last = (BigInt(`0x${ORDER}`) - 1n).toString(16);
    expect(PrivateKey.fromBytes(Buffer.from(last, 'hex'))).toBeDefined();
  });

  it('never prints its bytes', () => {
    const [secret] = VECTORS[0] as [string, string, string];
    const key = keyOf(secret);
    const hex = Buffer.from(secret, 'base64').toString('hex');
    const shown = [
      String(key),
      JSON.stringify({ key }),
      inspect({ key }, { depth: 9, showHidden: true }),
      inspect([key]),
    ];
    for (const text of shown) {
      expect(text).toContain('[private key]');
      expect(text).not.toContain(secret);
      expect(text.replaceAll(/[ \n]/g, '')).not.toContain(hex.slice(0, 8));
    }
  });
});
