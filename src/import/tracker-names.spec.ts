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

/** A finder in a database with one tracker, and the lookups it made. */
function finderOf(keyOfAll?: string, device?: string, mapped: [string, string][] = []) {
  const asked: string[][] = [];
  const lookups = {
    keysOf: (names: readonly string[]): Promise<Map<string, string>> => {
      asked.push([...names]);
      return Promise.resolve(new Map(names.includes('bee') ? [['bee', 'bee key']] : []));
    },
    firstKeysOf: (keys: readonly string[]): Promise<Map<string, string>> => {
      asked.push([...keys]);
      return Promise.resolve(new Map(keys.includes('bee further') ? [['bee further', 'bee key']] : []));
    },
  };
  return { finder: new KeyFinder(lookups, keyOfAll, device, new Map(mapped)), asked };
}

describe('KeyFinder', () => {
  it('looks up every name once, also an unknown one', async () => {
    const { finder, asked } = finderOf();
    const reports = [report({ tracker: 'bee' }), report({ tracker: 'bee' }), report({ tracker: 'nobody' })];
    await finder.lookUp(reports);
    await finder.lookUp(reports);
    expect(asked).toEqual([['bee', 'nobody']]);
    expect(reports.map((one) => finder.keyOf(one))).toEqual(['bee key', 'bee key', undefined]);
  });

  it('uses the key that a report gives, and finds none for a report without key and name', async () => {
    const { finder, asked } = finderOf();
    const [keyed, silent] = [report({ hashedAdvKey: 'k', tracker: 'bee' }), report()];
    await finder.lookUp([keyed, silent]);
    expect([keyed, silent].map((one) => finder.keyOf(one))).toEqual(['k', undefined]);
    expect(asked).toEqual([['bee'], ['k']]);
  });

  it("assigns reports of a tracker's further key to its first key", async () => {
    const { finder, asked } = finderOf();
    const reports = [report({ hashedAdvKey: 'bee further' }), report({ hashedAdvKey: 'bee key' })];
    await finder.lookUp(reports);
    await finder.lookUp(reports);
    expect(asked).toEqual([['bee further', 'bee key']]);
    expect(reports.map((one) => finder.keyOf(one))).toEqual(['bee key', 'bee key']);
  });

  it('assigns all reports to the key that the caller gave', async () => {
    const { finder, asked } = finderOf('the key');
    await finder.lookUp([report({ tracker: 'bee' })]);
    expect(finder.keyOf(report({ tracker: 'bee', hashedAdvKey: 'k' }))).toBe('the key');
    expect(asked).toEqual([]);
  });

  it('assigns reports by the device that sent them, whatever they say', async () => {
    const { finder } = finderOf(undefined, 'bee');
    const one = report({ tracker: 'wasp', hashedAdvKey: 'k' });
    await finder.lookUp([one]);
    expect(finder.keyOf(one)).toBe('bee key');
    expect(finder.nameOf(one)).toBe('bee');
  });

  it('prefers mapped names to all others', async () => {
    const { finder, asked } = finderOf(undefined, undefined, [['bee', 'another key']]);
    await finder.lookUp([report({ tracker: 'bee' })]);
    expect(finder.keyOf(report({ tracker: 'bee' }))).toBe('another key');
    expect(asked).toEqual([]);
  });

  it('drops cached names when there are too many, and looks them up again', async () => {
    const { finder, asked } = finderOf();
    const many = Array.from({ length: 60_000 }, (_, i) => report({ tracker: `nobody ${i}` }));
    await finder.lookUp([report({ tracker: 'bee' })]);
    await finder.lookUp(many);
    await finder.lookUp([report({ tracker: 'bee' })]);
    expect(asked.map(({ length }) => length)).toEqual([1, 60_000, 1]);
    expect(finder.keyOf(report({ tracker: 'bee' }))).toBe('bee key');
  });
});
