import { expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { clockOf, LocksWithRedis, restoreWatchOf } from '../support/services.js';
import { itWithRedis } from '../support/engines.js';
import { ingestReports } from '../support/reports.js';
import { describeRemovedHistory, PER_DAY } from '../support/scenes/removal-scene.js';

describeRemovedHistory('a restored older backup', (_, scene) => {
  /** Takes the database back to the time of the backup, without the reports and records stored since. */
  async function restoreOlder(backup: pg.QueryResultRow | undefined): Promise<void> {
    await scene().db.query(`DELETE FROM location_reports WHERE timestamp >= $1`, [scene().day(-1)]); // removes the recorded counts as well
    // `looks`: number of checks so far
    await scene().db.query('UPDATE history_clock SET agreed_at = $1, looks = $2', [
      backup?.['agreed_at'],
      backup?.['looks'],
    ]);
    await clockOf(scene().db.dataSource).observe();
    expect((await scene().check()).problems).toEqual([]);
  }
  async function expectNamedAndMended(): Promise<void> {
    expect((await scene().guard.inspect()).problems).toEqual([
      expect.stringContaining(`${scene().openDay}: ${PER_DAY} of ${PER_DAY} raw reports are missing`),
    ]);
    await scene().importAgain();
    expect(await scene().history()).toEqual(scene().before);
  }

  it('is noticed while a refresher is running', async () => {
    const watch = restoreWatchOf(scene().db);
    const [backup] = await scene().db.query('SELECT * FROM history_clock');
    await watch.check();
    await restoreOlder(backup);
    await watch.check();
    await expectNamedAndMended();
  });

  itWithRedis('is noticed when everything was stopped', async (url) => {
    const redis = new LocksWithRedis(scene().db.dataSource, url, 30_000);
    const [backup] = await scene().db.query('SELECT * FROM history_clock');
    await restoreWatchOf(scene().db, redis.keys).check();
    await restoreOlder(backup);
    await restoreWatchOf(scene().db, redis.keys).check();
    redis.close();
    await expectNamedAndMended();
  });

  it('is noticed by reports that arrived after the days were recorded', async () => {
    const { db } = scene();
    const watch = restoreWatchOf(db);
    const [backup] = await db.query('SELECT * FROM history_clock');
    const fresh = { key: 'a', at: new Date(Date.now() - 60_000), latitude: 1, longitude: 2 };
    await ingestReports(db, [fresh]);
    await db.settle();
    await watch.check();
    await db.query('DELETE FROM location_reports WHERE timestamp = $1', [fresh.at.toISOString()]);
    await db.query('UPDATE history_clock SET looks = $1', [backup?.['looks']]);
    await db.settle();
    await watch.check();
    expect((await scene().guard.inspect()).problems).toEqual([
      expect.stringContaining(`${fresh.at.toISOString().slice(0, 10)}: 1 of 1 raw reports are missing`),
    ]);
    await ingestReports(db, [fresh]);
    expect((await scene().guard.inspect()).problems).toEqual([]);
  });

  it('is reported as unchecked if no check has run for long and no process remembers one', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    await restoreWatchOf(scene().db).check();
    await scene().db.query(`UPDATE history_clock SET looked_at = looked_at - interval '2 hours'`);
    await restoreWatchOf(scene().db).check();
    const lines = warn.mock.calls.map(([line]) => String(line));
    warn.mockRestore();
    expect(lines).toEqual([
      expect.stringMatching(
        /^No refresher has checked this database for 2 hours.*import the files of the time/,
      ),
    ]);
  });
});
