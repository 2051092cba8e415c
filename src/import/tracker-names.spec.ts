import { describe, expect, it } from '@jest/globals';
import type { SourceReport } from './report-source.js';
import { KeyFinder } from './tracker-names.js';

const report = (more: Partial<SourceReport> = {}): SourceReport => ({
  position: 1,
  timestamp: '2025-06-17T08:30:00.000Z',
  latitude: 50,
  longitude: 8,
  ...more,
});

/** A finder of one registered tracker, and what it looked up. */
function finderOf(all?: string, device?: string, known: [string, string][] = []) {
  const asked: string[][] = [];
  const look = {
    keysOf: (names: readonly string[]): Promise<Map<string, string>> => {
      asked.push([...names]);
      return Promise.resolve(new Map(names.includes('bee') ? [['bee', 'bee key']] : []));
    },
    firstKeysOf: (keys: readonly string[]): Promise<Map<string, string>> => {
      asked.push([...keys]);
      return Promise.resolve(new Map(keys.includes('bee further') ? [['bee further', 'bee key']] : []));
    },
  };
  return { finder: new KeyFinder(look, all, device, new Map(known)), asked };
}

describe('KeyFinder', () => {
  it('looks every name up once, also one that nobody has', async () => {
    const { finder, asked } = finderOf();
    const reports = [report({ tracker: 'bee' }), report({ tracker: 'bee' }), report({ tracker: 'nobody' })];
    await finder.learn(reports);
    await finder.learn(reports);
    expect(asked).toEqual([['bee', 'nobody']]);
    expect(reports.map((one) => finder.keyOf(one))).toEqual(['bee key', 'bee key', undefined]);
  });

  it('believes a report that gives its key, and knows nothing of one that says nothing', async () => {
    const { finder, asked } = finderOf();
    const [keyed, silent] = [report({ hashedAdvKey: 'k', tracker: 'bee' }), report()];
    await finder.learn([keyed, silent]);
    expect([keyed, silent].map((one) => finder.keyOf(one))).toEqual(['k', undefined]);
    expect(asked).toEqual([['bee'], ['k']]);
  });

  it("keeps what is of a tracker's further key under its first", async () => {
    const { finder, asked } = finderOf();
    const reports = [report({ hashedAdvKey: 'bee further' }), report({ hashedAdvKey: 'bee key' })];
    await finder.learn(reports);
    await finder.learn(reports);
    expect(asked).toEqual([['bee further', 'bee key']]);
    expect(reports.map((one) => finder.keyOf(one))).toEqual(['bee key', 'bee key']);
  });

  it('gives all reports the one key that the caller named', async () => {
    const { finder, asked } = finderOf('the key');
    await finder.learn([report({ tracker: 'bee' })]);
    expect(finder.keyOf(report({ tracker: 'bee', hashedAdvKey: 'k' }))).toBe('the key');
    expect(asked).toEqual([]);
  });

  it('takes the device that sent the reports for whatever they say', async () => {
    const { finder } = finderOf(undefined, 'bee');
    const one = report({ tracker: 'wasp', hashedAdvKey: 'k' });
    await finder.learn([one]);
    expect(finder.keyOf(one)).toBe('bee key');
    expect(finder.nameOf(one)).toBe('bee');
  });

  it('takes names that were given along before all others', async () => {
    const { finder, asked } = finderOf(undefined, undefined, [['bee', 'another key']]);
    await finder.learn([report({ tracker: 'bee' })]);
    expect(finder.keyOf(report({ tracker: 'bee' }))).toBe('another key');
    expect(asked).toEqual([]);
  });

  it('forgets names when there are too many of them, and looks them up again', async () => {
    const { finder, asked } = finderOf();
    const many = Array.from({ length: 60_000 }, (_, i) => report({ tracker: `nobody ${i}` }));
    await finder.learn([report({ tracker: 'bee' })]);
    await finder.learn(many);
    await finder.learn([report({ tracker: 'bee' })]);
    expect(asked.map(({ length }) => length)).toEqual([1, 60_000, 1]);
    expect(finder.keyOf(report({ tracker: 'bee' }))).toBe('bee key');
  });
});
