import { rename, writeFile } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithClock, LIBFAKETIME } from '../support/servers/faketime-cluster.js';
import { ingestReports } from '../support/reports.js';
import { recordedRuns } from '../support/services.js';
import { RunningProduct, runCli } from '../support/processes.js';
import { boundaries } from '../support/history.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describeWithClock(
  'a server and a database with wrong clocks',
  new Date('2027-03-24T12:00:00Z'),
  (engine, cluster) => {
    const clockFile = join(mkdtempSync(join(tmpdir(), 'program-clock-')), 'clock');
    let db: TestDatabase;
    let product: RunningProduct | null = null;

    /** Sets the clock of the product's processes, but not their uptime. */
    async function setProgramClock(now: Date): Promise<void> {
      const seconds = (now.getTime() - Date.now()) / 1000;
      await writeFile(`${clockFile}.new`, `${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}\n`);
      await rename(`${clockFile}.new`, clockFile);
    }
    const environment = (): Record<string, string> => ({
      DATABASE_URL: db.url,
      HISTORY_ENGINE: engine,
      LD_PRELOAD: LIBFAKETIME as string,
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    const now = (): Date => cluster().programTime();
    const later = (ms: number): Date => new Date(now().getTime() + ms);

    beforeAll(async () => {
      db = await TestDatabase.create(engine, { server: cluster().server });
      await db.register('a');
      await setProgramClock(now());
      await ingestReports(
        db,
        [-50, -30, -20, -5, -1].map((hours) => ({
          key: 'a',
          at: later(hours * HOUR),
          latitude: 1,
          longitude: 2,
        })),
      );
      product = RunningProduct.server({ ...environment(), APP_ROLES: 'refresher', PORT: '0' });
      await product.waitForOutput(/running refresher, health at/);
    }, 60_000);
    afterAll(async () => {
      await product?.destroy();
      await db.drop();
    });

    it('recover by themselves after the database clock was briefly three days ahead', async () => {
      const finishedRuns = async (): Promise<number> =>
        (await recordedRuns(db, 'maintenance')).filter(({ outcome }) => outcome === 'done').length;
      await eventually(async () => expect(await finishedRuns()).toBe(1));
      const before = await boundaries(db);
      const raw = await db.value('SELECT count(*) FROM location_reports');

      await cluster().setServerClock(later(3 * DAY));
      await product?.waitForOutput(
        /The clock of the database \(.*\) is 3 days ahead of the clock of this program/,
      );
      const doctor = await runCli(['doctor'], environment());
      expect(doctor.stdout).toMatch(/PROBLEM: The clock of the database \(.*\) is 3 days ahead/);
      expect(doctor.code).toBe(1);
      const clock = await runCli(['clock'], environment());
      expect([clock.code, clock.stdout]).toEqual([1, expect.stringMatching(/PROBLEM: .* 3 days ahead/)]);
      const accept = await runCli(['clock', '--accept'], environment());
      expect([accept.code, accept.stderr]).toEqual([1, expect.stringMatching(/3 days ahead/)]);
      const repair = await runCli(['mend'], environment());
      expect([repair.code, repair.stderr]).toEqual([1, expect.stringMatching(/3 days ahead/)]);

      await cluster().setServerClock(now());
      await product?.waitForOutput(/the clocks agree again/);
      expect(await boundaries(db)).toEqual(before);
      expect(await db.value('SELECT count(*) FROM location_reports')).toBe(raw);
      expect((await runCli(['doctor'], environment())).stdout).toContain('No problems.');

      // Advance both clocks by an hour, as if it had passed.
      await cluster().setServerClock(later(HOUR));
      await setProgramClock(later(HOUR));
      await eventually(async () => expect(await finishedRuns()).toBe(2), 20_000);
      expect(await boundaries(db)).toEqual(before);
    }, 120_000);
  },
);
