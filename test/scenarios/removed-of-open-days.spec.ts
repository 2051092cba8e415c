import { expect, it } from '@jest/globals';
import { ingestReports } from '../support/reports.js';
import { describeRemovedHistory, PER_DAY } from '../support/scenes/removal-scene.js';
import { boundaries, maintain } from '../support/history.js';

describeRemovedHistory('open days with reports removed by hand', (engine, scene) => {
  it('are named and repaired if they count dropped and reimported reports twice', async () => {
    await scene().drop();
    await scene().importAgain();
    await scene().db.settle();
    const { problems } = await scene().check();
    // TimescaleDB computes hours and days from the rows of the chunk.
    if (engine === 'postgresql') {
      expect(problems).toEqual([
        `${scene().openDay}: its hourly or daily rows count ${2 * PER_DAY} reports, but there are ${PER_DAY}: something other than the product changed rows. Run tracker mend`,
      ]);
      expect((await scene().guard.plan()).recomputed).toEqual([scene().openDay]);
      expect((await scene().guard.mend()).recomputed).toEqual([scene().openDay]);
    }
    expect(await scene().history()).toEqual(scene().before);
  });

  it.each([
    `DELETE FROM location_history_daily WHERE bucket = '$open'`,
    `DELETE FROM location_history_hourly WHERE bucket >= '$open'`,
    `SET session_replication_role = replica; DELETE FROM location_history_daily WHERE bucket = '$open'`,
  ])('have emptied aggregates named and repaired: %s', async (sql) => {
    await scene().db.administer(scene().fillIn(sql));
    expect((await scene().check()).problems).toEqual([
      `${scene().openDay}: its hourly or daily rows count 0 reports, but there are ${PER_DAY}: something other than the product changed rows. Run tracker mend`,
    ]);
    await scene().guard.mend();
    expect(await scene().history()).toEqual(scene().before);
  });

  it('lose the reports that a DELETE removes on purpose, and none that were lost before', async () => {
    await scene().drop();
    const { problems } = await scene().check();
    await scene().db.query('DELETE FROM location_reports WHERE false');
    expect((await scene().check()).problems).toEqual(problems);
    const spare = {
      key: 'a',
      at: new Date(Date.parse(scene().day(-2)) + 81_000_000),
      latitude: 1,
      longitude: 1,
    };
    await ingestReports(scene().db, [spare]);
    await scene().db.query('DELETE FROM location_reports WHERE timestamp = $1', [spare.at]);
    expect((await scene().check()).problems).toEqual(problems);
    await scene().guard.mend();
    await scene().importAgain();
    await scene().db.settle();
    expect(await scene().history()).toEqual(scene().before);
  });

  it('count again when they are deleted with their identities', async () => {
    const days = [
      'location_history_daily',
      ...(engine === 'timescaledb' ? ['location_history_daily_late'] : []),
    ];
    for (const relation of days) {
      await scene().db.administer(
        `SET session_replication_role = replica; DELETE FROM ${relation} WHERE bucket = '${scene().day(-3)}'`,
      );
    }
    await scene().db.query('DELETE FROM report_identities WHERE day = $1', [scene().day(-3)]);
    expect((await scene().check()).problems).toHaveLength(2);
    await scene().guard.mend();
    await scene().guard.mend();
    await scene().importAgain();
    expect(await scene().history()).toEqual(scene().before);
    expect((await scene().check()).problems).toEqual([]);
  });

  if (engine === 'postgresql') {
    it('leave a detached partition detached', async () => {
      const name = `location_reports_${scene().openDay.replaceAll('-', '')}`;
      await scene().makePartitions();
      await scene().db.query(`ALTER TABLE location_reports DETACH PARTITION ${name}`);
      expect((await scene().check()).problems).toEqual([expect.stringMatching(/raw reports are missing/)]);
      await scene().guard.mend();
      await scene().importAgain();
      expect(await scene().history()).toEqual(scene().before);
      await scene().db.query(`UPDATE history_state SET raw_retention_hours = 24`);
      await maintain(scene().db);
      expect((await boundaries(scene().db)).horizon.toISOString()).toBe(scene().day(-1));
      expect(await scene().db.value(`SELECT count(*) FROM ${name}`)).toBe(PER_DAY);
    });
  }
});
