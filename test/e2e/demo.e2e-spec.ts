import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDataFolder, postgresProcesses, query, RunningProduct } from '../support/processes.js';
import { eventually } from '../support/waiting.js';

interface Row {
  id: string;
  timestamp: string;
  location: { latitude: number; longitude: number };
  nearestCity: string;
  tracker: { id: string; name: string; currentStatus: string };
}
const LATEST = '{ trackers { name latestLocation { lastReportAt nearestCity } } }';
interface Latest {
  trackers: { name: string; latestLocation: { lastReportAt: string; nearestCity: string } | null }[];
}

/** The GraphQL document that the demo prints. */
function printedQuery(output: string): string {
  return /^query \{$[\s\S]*?^\}$/m.exec(output)?.[0] ?? '';
}

describe('tracker demo', () => {
  let folder = '';
  let demo: RunningProduct;
  let address = '';

  beforeAll(async () => {
    folder = newDataFolder();
    demo = RunningProduct.cli(['demo'], { EMBEDDED_DATA_DIR: folder, PORT: '0' });
    await demo.waitForOutput(/^query \{$[\s\S]*?^\}$/m);
    address = /^ +Playground +(http:\S+)\/playground$/m.exec(demo.output)?.[1] ?? '';
  });
  afterAll(async () => {
    await demo.destroy();
    await eventually(() => expect(postgresProcesses(folder)).toEqual([]), 20_000);
    rmSync(folder, { recursive: true });
  });

  it('prints the address of the playground', async () => {
    const page = await fetch(`${address}/playground`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('GraphQL playground');
  });

  it('prints a query that returns rows when run unchanged', async () => {
    const { locationHistoryAggregated: rows } = await query<{ locationHistoryAggregated: Row[] }>(
      address,
      printedQuery(demo.output),
    );
    expect(rows.length).toBeGreaterThanOrEqual(2);
    const today = new Date().toISOString().slice(0, 10);
    expect(rows.at(-1)).toMatchObject({
      timestamp: `${today}T00:00:00.000Z`,
      location: { latitude: expect.any(Number), longitude: expect.any(Number) },
      nearestCity: expect.stringMatching(/./),
      tracker: { name: 'Parcel 01', currentStatus: 'CREATED' },
    });
  });

  it('has a position of every tracker, and moves some of them', async () => {
    const before = await query<Latest>(address, LATEST);
    expect(before.trackers).toHaveLength(25);
    expect(before.trackers.filter(({ latestLocation }) => latestLocation === null)).toEqual([]);
    await eventually(async () => {
      const now = await query<Latest>(address, LATEST);
      const moved = now.trackers.filter(
        ({ latestLocation }, i) =>
          latestLocation?.lastReportAt !== before.trackers[i]?.latestLocation?.lastReportAt,
      );
      expect(moved).toHaveLength(5);
    });
  });

  it('stops everything on Ctrl-C, and starts again with its data', async () => {
    const { code, ms } = await demo.end('SIGINT');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
    expect(postgresProcesses(folder)).toEqual([]);
    expect(demo.output).not.toMatch(/ERROR|WARN|Error:/);

    demo = RunningProduct.cli(['demo'], { EMBEDDED_DATA_DIR: folder, PORT: '0' });
    await demo.waitForOutput(/^query \{$[\s\S]*?^\}$/m);
    address = /^ +Playground +(http:\S+)\/playground$/m.exec(demo.output)?.[1] ?? '';
    expect((await query<Latest>(address, LATEST)).trackers).toHaveLength(25);
    expect(await demo.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});
