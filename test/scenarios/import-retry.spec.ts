import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SourceReport } from '../../src/import/report-source.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { batch, Importer, ImportScene, ListSource } from '../support/scenes/import-scene.js';
import { expectHistoryOf } from '../support/history.js';

/** Telemetry of a report. */
const TELEMETRY = { altitude: 53.5, speed: 1.25, course: 12.5, battery: 77, motion: 'walking' } as const;

describeOnEveryEngine('a retry of rejected reports', (engine) => {
  const scene = new ImportScene(engine, {
    env: { DAILY_RETENTION_DAYS: '30' },
    importer: { IMPORT_BATCH_SIZE: 100 },
  });
  let name = '';
  beforeEach(() => {
    name = `tracker of ${scene.key}`;
  });

  const walk = (length: number, from = at(scene.today, -1, '06:00:00')): SourceReport[] =>
    Array.from({ length }, (_, i) => ({
      position: i + 1,
      tracker: name,
      timestamp: new Date(from.getTime() + i * 1000).toISOString(),
      latitude: 50 + i / 10_000,
      longitude: 8,
      confidence: 2,
      horizontalAccuracy: 7.5,
      nearestCity: 'Köln',
      ...TELEMETRY,
    }));
  const tested = (key: string, reports: readonly SourceReport[]): TestReport[] =>
    reports.map(({ timestamp, latitude, longitude }) => ({
      key,
      at: new Date(timestamp),
      latitude,
      longitude,
      confidence: 2,
      accuracy: 7.5,
      city: 'Köln',
      ...TELEMETRY,
    }));
  const reject = async (reports: readonly SourceReport[]): Promise<string> => {
    const { runId, rejected } = await scene.importer.imports.importSource(new ListSource([batch(reports)]), {
      kind: 'file',
      name: 'walk',
    });
    expect(rejected).toBe(reports.length);
    return String(runId);
  };
  const rejections = (runId: string): Promise<unknown[]> =>
    scene.db.query('SELECT reason, reports, kept, retaken FROM import_run_rejections WHERE run_id = $1', [
      runId,
    ]);
  const left = (): Promise<unknown[]> =>
    scene.db.query('SELECT position, rejected_as, reason FROM rejected_reports ORDER BY id');

  it('stores what is acceptable now, and leaves the rest in the quarantine with its current reason', async () => {
    const good = [...walk(230), ...walk(20, at(scene.today, -9, '23:59:50'))];
    const wrong = { ...(walk(1)[0] as SourceReport), position: 251, latitude: 91 };
    const nobodys = { ...(walk(1)[0] as SourceReport), position: 252, tracker: 'nobody' };
    const runId = await reject([...good, wrong, nobodys]);
    const nothing = await scene.importer.quarantine.retry({ reason: 'unknown_tracker' });
    expect(nothing).toMatchObject({ read: 252, stored: 0, late: 0, rejected: 252 });
    expect(await rejections(runId)).toEqual([
      { reason: 'unknown_tracker', reports: 252, kept: 252, retaken: 0 },
    ]);

    await scene.db.register(name, 'a key');
    const retried = await scene.importer.quarantine.retry({ runId });
    expect(retried).toMatchObject({ read: 252, stored: 230, late: 20, duplicate: 0, rejected: 2 });
    expect(retried.rejections).toMatchObject([
      { reason: 'out_of_range', reports: 1, kept: 0 },
      { reason: 'unknown_tracker', reports: 1, kept: 0 },
    ]);
    expect(await left()).toEqual([
      { position: 251, rejected_as: 'unknown_tracker', reason: 'out_of_range' },
      { position: 252, rejected_as: 'unknown_tracker', reason: 'unknown_tracker' },
    ]);
    expect(await rejections(runId)).toEqual([
      { reason: 'unknown_tracker', reports: 252, kept: 252, retaken: 250 },
    ]);
    expect(await scene.db.query('SELECT kind, name, outcome FROM import_runs ORDER BY id')).toEqual([
      { kind: 'file', name: 'walk', outcome: 'completed' },
      { kind: 'retry', name: 'rejected as unknown_tracker', outcome: 'completed' },
      { kind: 'retry', name: `rejected of run ${runId}`, outcome: 'completed' },
    ]);
    await expectHistoryOf(scene.db, tested('a key', good));
  });

  it('stores each report once, even if several retry at once', async () => {
    const runId = await reject(walk(500));
    await scene.db.register(name, 'b key');
    const other = await Importer.start(scene.db, { IMPORT_BATCH_SIZE: 70 });
    const retries = await Promise.all(
      [scene.importer, other, scene.importer].map(({ quarantine }) => quarantine.retry({ runId })),
    );
    await other.stop();
    expect(retries.reduce((sum, { stored }) => sum + stored, 0)).toBe(500);
    expect(retries.reduce((sum, { read }) => sum + read, 0)).toBe(500);
    expect(await left()).toEqual([]);
    expect(await rejections(runId)).toEqual([
      { reason: 'unknown_tracker', reports: 500, kept: 500, retaken: 500 },
    ]);
    await expectHistoryOf(scene.db, tested('b key', walk(500)));
  });

  it('assigns reports without a known tracker to the given one, and those of a device to its tracker', async () => {
    const anonymous = walk(3);
    for (const one of anonymous) Reflect.deleteProperty(one, 'tracker');
    const runId = await reject(anonymous);
    const phones = await reject(
      walk(3, at(scene.today, -1, '09:00:00')).map((one) => ({ ...one, tracker: 'phone' })),
    );
    const id = await scene.db.register(name, 'c key');
    await scene.db.query('INSERT INTO tracker_devices VALUES ($1, $2)', ['phone', id]);
    expect(await scene.importer.quarantine.retry({ runId, tracker: name })).toMatchObject({
      read: 3,
      stored: 3,
    });
    expect(await scene.importer.quarantine.retry({ runId: phones })).toMatchObject({ read: 3, stored: 3 });
    await expectHistoryOf(
      scene.db,
      tested('c key', [...walk(3), ...walk(3, at(scene.today, -1, '09:00:00'))]),
    );
  });

  it('stores reports that were too old, once retention is longer', async () => {
    await scene.db.register(name, 'd key');
    const old = walk(5, at(scene.today, -50, '12:00:00'));
    await reject(old);
    await scene.db.query('UPDATE history_state SET daily_retention_hours = 24 * 60');
    expect(await scene.importer.quarantine.retry({ reason: 'older_than_retention' })).toMatchObject({
      read: 5,
      late: 5,
    });
    expect(await left()).toEqual([]);
    await expectHistoryOf(scene.db, tested('d key', old));
  });

  it('leaves unparsable items alone', async () => {
    const item = { position: 1, reason: 'undecodable', message: 'no JSON', rawText: 'garbage' } as const;
    await scene.importer.imports.importSource(new ListSource([batch([], [item])]), {
      kind: 'file',
      name: 'walk',
    });
    expect(await scene.importer.quarantine.retry({})).toMatchObject({ read: 0 });
    expect(await left()).toHaveLength(1);
  });

  describe('rejects', () => {
    it.each([
      [{ runId: 'x' }, 'BAD_USER_INPUT', 'run'],
      [{ runId: '123456' }, 'NOT_FOUND', 'run'],
      [{ tracker: 'nobody' }, 'NOT_FOUND', 'tracker'],
    ])('%j', async (options, code, argument) => {
      await expect(scene.importer.quarantine.retry(options)).rejects.toMatchObject({
        code,
        details: { argument },
      });
      expect(await scene.db.query('SELECT FROM import_runs')).toEqual([]);
    });
  });
});
