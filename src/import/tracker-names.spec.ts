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

/** A finder for a database with one tracker, and the names and keys that it has looked up. */
function finderOf(keyForAll?: string, device?: string, mapped: [string, string][] = []) {
  const lookedUp: string[][] = [];
  const lookups = {
    keysOf: (names: readonly string[]): Promise<Map<string, string>> => {
      lookedUp.push([...names]);
      return Promise.resolve(new Map(names.includes('bee') ? [['bee', 'bee key']] : []));
    },
    firstKeysOf: (keys: readonly string[]): Promise<Map<string, string>> => {
      lookedUp.push([...keys]);
      return Promise.resolve(new Map(keys.includes('bee additional') ? [['bee additional', 'bee key']] : []));
    },
  };
  return { finder: new KeyFinder(lookups, keyForAll, device, new Map(mapped)), lookedUp };
}

describe('KeyFinder', () => {
  it('looks up every name once, even an unknown one', async () => {
    const { finder, lookedUp } = finderOf();
    const reports = [report({ tracker: 'bee' }), report({ tracker: 'bee' }), report({ tracker: 'nobody' })];
    await finder.lookUp(reports);
    await finder.lookUp(reports);
    expect(lookedUp).toEqual([['bee', 'nobody']]);
    expect(reports.map((one) => finder.keyOf(one))).toEqual(['bee key', 'bee key', undefined]);
  });

  it('uses the key in a report, and returns undefined for a report without key and name', async () => {
    const { finder, lookedUp } = finderOf();
    const [keyed, anonymous] = [report({ hashedAdvKey: 'k', tracker: 'bee' }), report()];
    await finder.lookUp([keyed, anonymous]);
    expect([keyed, anonymous].map((one) => finder.keyOf(one))).toEqual(['k', undefined]);
    expect(lookedUp).toEqual([['bee'], ['k']]);
  });

  it('assigns reports of an additional key of a tracker to its first key', async () => {
    const { finder, lookedUp } = finderOf();
    const reports = [report({ hashedAdvKey: 'bee additional' }), report({ hashedAdvKey: 'bee key' })];
    await finder.lookUp(reports);
    await finder.lookUp(reports);
    expect(lookedUp).toEqual([['bee additional', 'bee key']]);
    expect(reports.map((one) => finder.keyOf(one))).toEqual(['bee key', 'bee key']);
  });

  it('assigns all reports to the key for all reports', async () => {
    const { finder, lookedUp } = finderOf('the key');
    await finder.lookUp([report({ tracker: 'bee' })]);
    expect(finder.keyOf(report({ tracker: 'bee', hashedAdvKey: 'k' }))).toBe('the key');
    expect(lookedUp).toEqual([]);
  });

  it('assigns reports by the device that sent them, and ignores their own tracker and key', async () => {
    const { finder } = finderOf(undefined, 'bee');
    const one = report({ tracker: 'wasp', hashedAdvKey: 'k' });
    await finder.lookUp([one]);
    expect(finder.keyOf(one)).toBe('bee key');
    expect(finder.nameOf(one)).toBe('bee');
  });

  it('prefers mapped names to all others', async () => {
    const { finder, lookedUp } = finderOf(undefined, undefined, [['bee', 'another key']]);
    await finder.lookUp([report({ tracker: 'bee' })]);
    expect(finder.keyOf(report({ tracker: 'bee' }))).toBe('another key');
    expect(lookedUp).toEqual([]);
  });

  it('drops cached names when there are too many, and looks them up again', async () => {
    const { finder, lookedUp } = finderOf();
    const many = Array.from({ length: 60_000 }, (_, i) => report({ tracker: `nobody ${i}` }));
    await finder.lookUp([report({ tracker: 'bee' })]);
    await finder.lookUp(many);
    await finder.lookUp([report({ tracker: 'bee' })]);
    expect(lookedUp.map(({ length }) => length)).toEqual([1, 60_000, 1]);
    expect(finder.keyOf(report({ tracker: 'bee' }))).toBe('bee key');
  });
});
