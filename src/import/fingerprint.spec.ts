import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprintOf } from './fingerprint.js';

describe('fingerprintOf', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fingerprint-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const put = (name: string, content: string): string => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };

  it('depends on the content, not on the name', async () => {
    const content = 'x'.repeat(3_000_000);
    const [a, b] = [await fingerprintOf(put('a', content), []), await fingerprintOf(put('b', content), [])];
    expect(a).toEqual({ fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown, size: 3_000_000 });
    expect(b).toEqual(a);
  });

  it('changes with a character in the middle, and with the options', async () => {
    const content = 'x'.repeat(100_000);
    const results = await Promise.all([
      fingerprintOf(put('a', `${content}1${content}`), ['bee', []]),
      fingerprintOf(put('b', `${content}2${content}`), ['bee', []]),
      fingerprintOf(put('c', `${content}1${content}`), ['wasp', []]),
      fingerprintOf(put('d', `${content}1${content}`), [undefined, [['a', 'bee']]]),
    ]);
    expect(new Set(results.map(({ fingerprint }) => fingerprint)).size).toBe(4);
  });

  it('passes on file system errors', async () => {
    await expect(fingerprintOf(join(folder, 'missing'), [])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
