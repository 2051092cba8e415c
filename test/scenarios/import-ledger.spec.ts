import { expect, it } from '@jest/globals';
import { DomainError } from '../../src/common/errors/domain-error.js';
import type { SourceReport } from '../../src/import/report-source.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { at } from '../support/history-oracle.js';
import { batch, garbage, ImportScene, ListSource, source } from '../support/scenes/import-scene.js';
import { expectHistoryOf, readHistory } from '../support/history.js';

const BATCH = 100;
const KEEP = 5;

describeOnEveryEngine('the ledger of imports', (engine) => {
  const scene = new ImportScene(engine, {
    importer: { IMPORT_BATCH_SIZE: BATCH, IMPORT_QUARANTINE_LIMIT: KEEP },
  });
  const { report, walk, tested, runs } = scene;
  const FILE = { kind: 'file', name: 'walk' } as const;

  it('accounts for every report of every batch, by reason and by tracker', async () => {
    const other = await scene.db.register(`other ${scene.key}`);
    const late = report(1, { timestamp: at(scene.today, -30, '12:00:00').toISOString(), position: 300 });
    const reports = [
      ...walk(250),
      late,
      { ...late, position: 301 },
      report(0, { position: 302 }),
      report(0, { position: 303, latitude: 1 }),
      report(900, { position: 304, latitude: 91 }),
      report(901, { position: 305, tracker: 'nobody' }),
      report(902, { position: 306, tracker: `other ${scene.key}` }),
    ];
    const summary = await scene.importer.imports.importSource(
      source(batch(reports.slice(0, 120), [garbage(120)]), batch(reports.slice(120), [garbage(307)])),
      FILE,
    );
    expect(summary).toEqual({
      runId: expect.any(String),
      format: 'list',
      resumedAt: 0,
      read: 259,
      stored: 251,
      late: 1,
      duplicate: 2,
      rejected: 5,
      rejections: [
        {
          reason: 'undecodable',
          reports: 2,
          firstPosition: 120,
          message: 'line 120 is not a report',
          kept: 2,
          retaken: 0,
        },
        { reason: 'out_of_range', reports: 1, firstPosition: 304, kept: 1, retaken: 0 },
        { reason: 'same_instant', reports: 1, firstPosition: 303, kept: 1, retaken: 0 },
        {
          reason: 'unknown_tracker',
          reports: 1,
          firstPosition: 305,
          message: 'there is no tracker named "nobody"',
          kept: 1,
          retaken: 0,
        },
      ],
    });
    expect(await runs()).toEqual([
      {
        id: summary.runId,
        ...FILE,
        format: 'list',
        outcome: 'completed',
        read: 259,
        stored: 251,
        late: 1,
        duplicate: 2,
        rejected: 5,
        reports_given: 257,
        items_given: 2,
        last_position: 307,
        resumed: 0,
        owner: null,
        error_code: null,
      },
    ]);
    const trackers = await scene.db.query(
      `SELECT hashed_adv_key AS key, stored, late, duplicate, rejected FROM import_run_trackers ORDER BY stored`,
    );
    expect(trackers).toEqual([
      { key: `other ${scene.key}`, stored: 1, late: 0, duplicate: 0, rejected: 0 },
      { key: scene.key, stored: 250, late: 1, duplicate: 2, rejected: 2 },
    ]);
    expect(
      await scene.db.query(
        `SELECT position, reason, tracker, hashed_adv_key AS key, latitude, given FROM rejected_reports ORDER BY position`,
      ),
    ).toEqual([
      { position: 120, reason: 'undecodable', tracker: null, key: null, latitude: null, given: '{120' },
      { position: 303, reason: 'same_instant', tracker: null, key: scene.key, latitude: 1, given: null },
      { position: 304, reason: 'out_of_range', tracker: null, key: scene.key, latitude: 91, given: null },
      {
        position: 305,
        reason: 'unknown_tracker',
        tracker: 'nobody',
        key: null,
        latitude: 50.0901,
        given: null,
      },
      { position: 307, reason: 'undecodable', tracker: null, key: null, latitude: null, given: '{307' },
    ]);
    await scene.db.query('DELETE FROM trackers WHERE id = $1', [other]);
    await expectHistoryOf(scene.db, tested([...walk(250), late]));
  });

  it('counts all rejected items, and keeps a limited number of each reason', async () => {
    const items = Array.from({ length: 250 }, (_, i) => garbage(i + 1));
    const unknown = walk(8).map((one) => ({ ...one, tracker: 'nobody', position: one.position + 250 }));
    const { rejected, rejections } = await scene.importer.imports.importSource(
      source(batch([], items), batch(unknown)),
      FILE,
    );
    expect(rejected).toBe(258);
    expect(rejections).toMatchObject([
      { reason: 'undecodable', reports: 250, firstPosition: 1, kept: KEEP },
      { reason: 'unknown_tracker', reports: 8, firstPosition: 251, kept: KEEP },
    ]);
    expect(await scene.db.value('SELECT count(*) FROM rejected_reports')).toBe(2 * KEEP);
  });

  it('bounds what it keeps of a rejected report', async () => {
    const rawText = `\0\t\n\\.${'x'.repeat(100_000)}\ud800`;
    const long = 'k'.repeat(5000);
    const wrong = [
      report(1, { hashedAdvKey: long }),
      report(2, { nearestCity: long }),
      report(3, { tracker: long }),
    ];
    const { rejections } = await scene.importer.imports.importSource(
      source(batch([...wrong, report(0)], [{ ...garbage(9), rawText, message: long }])),
      FILE,
    );
    expect(rejections).toMatchObject([
      { reason: 'undecodable', reports: 3 },
      { reason: 'unknown_tracker', reports: 1 },
    ]);
    const longest = `SELECT max(length(r::text)) FROM rejected_reports AS r`;
    expect(await scene.db.value<number>(longest)).toBeLessThan(3000);
    await expectHistoryOf(scene.db, tested([report(0)]));
  });

  it('rejects a whole batch if the database counts it differently', async () => {
    const { runId } = await scene.importer.imports.importSource(source(batch(walk(3))), FILE);
    await scene.db.query(`UPDATE import_runs SET owner = gen_random_uuid(), outcome = 'running'`);
    const client = await scene.db.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT prepare_incoming_reports()');
      await client.query(
        `INSERT INTO incoming_reports VALUES (1, $1, now() - interval '1 minute', 1, 2, NULL, NULL, NULL, NULL, 'x')`,
        [scene.key],
      );
      await expect(
        client.query('SELECT take_in_batch(id, owner, 2, 0, 1, 5) FROM import_runs WHERE id = $1', [runId]),
      ).rejects.toMatchObject({ constraint: 'import_runs_account_for_all' });
      await client.query('ROLLBACK');
    } finally {
      client.release();
    }
    await expectHistoryOf(scene.db, tested(walk(3)));
  });

  it('shows what an import would do in a dry run, which stores nothing', async () => {
    await scene.importer.imports.importSource(source(batch(walk(50))), FILE);
    const before = await readHistory(scene.db);
    const given = (): ListSource =>
      source(
        batch([...walk(250), ...walk(30)], [garbage(3)]),
        batch([report(5, { timestamp: at(scene.today, -9, '01:00:00').toISOString() })]),
      );
    const rehearsed = await scene.importer.imports.importSource(given(), { ...FILE, dryRun: true });
    expect(rehearsed).toMatchObject({
      runId: null,
      read: 282,
      stored: 200,
      late: 1,
      duplicate: 80,
      rejected: 1,
    });
    expect(await readHistory(scene.db)).toEqual(before);
    expect(await scene.db.query('SELECT FROM import_runs')).toHaveLength(1);
    expect(await scene.db.query('SELECT FROM rejected_reports')).toEqual([]);
    const real = await scene.importer.imports.importSource(given(), FILE);
    expect(real).toEqual({ ...rehearsed, runId: real.runId });
  });

  it('commits the last batch together with the work of the caller, or neither', async () => {
    const run = await scene.importer.imports.begin('list', FILE);
    await run.add(batch(walk(150)));
    const failing = run
      .complete(async (session) => {
        await session.query(`UPDATE trackers SET mac_address = 'seen'`);
        throw new DomainError('CONFLICT', 'the lease is lost');
      })
      .catch(async (error: unknown) => {
        throw await run.fail(error, false);
      });
    await expect(failing).rejects.toMatchObject({ code: 'CONFLICT', summary: { read: 100 } });
    expect(await scene.db.value('SELECT mac_address FROM trackers')).toBeNull();
    await expectHistoryOf(scene.db, tested(walk(100)));

    const empty = await scene.importer.imports.begin('list', FILE);
    await empty.complete(async (session) => {
      await session.query(`UPDATE trackers SET mac_address = 'asked, and nothing was there'`);
    });
    expect(await scene.db.value('SELECT mac_address FROM trackers')).toMatch(/^asked/);
    expect((await runs()).at(-1)).toMatchObject({ outcome: 'completed', read: 0 });
  });

  it('starts a queued run under its id, once', async () => {
    const runId = await scene.importer.imports.queue(FILE);
    expect(await runs()).toMatchObject([{ id: runId, outcome: 'queued' }]);
    expect(
      await scene.importer.imports.importSource(source(batch(walk(3))), { ...FILE, runId }),
    ).toMatchObject({
      runId,
      stored: 3,
    });
    await expect(scene.importer.imports.importSource(source(), { ...FILE, runId })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await runs()).toMatchObject([{ id: runId, outcome: 'completed', stored: 3 }]);
  });

  it('adds single reports to the daily run, also several at once', async () => {
    const options = { kind: 'owntracks', name: 'OwnTracks', dailyRun: true } as const;
    const tracked = walk(20).map((one) => scene.importer.imports.importSource(source(batch([one])), options));
    await Promise.all(tracked);
    expect(await runs()).toMatchObject([
      { ...FILE, kind: 'owntracks', name: 'OwnTracks', read: 20, stored: 20 },
    ]);
    await expectHistoryOf(scene.db, tested(walk(20)));
  });

  it('assigns reports by mapped names and by assigned devices', async () => {
    const id = await scene.db.value<number>('SELECT id FROM trackers');
    await scene.db.query('INSERT INTO tracker_devices VALUES ($1, $2)', ['jane/phone', id]);
    const [a, b, c] = walk(3) as [SourceReport, SourceReport, SourceReport];
    const { stored, rejected } = await scene.importer.imports.importSource(
      source(
        batch([
          { ...a, tracker: 'jane/phone' },
          { ...b, tracker: 'watch' },
          { ...c, tracker: 'clock' },
        ]),
      ),
      { ...FILE, map: new Map([['watch', scene.key]]) },
    );
    expect({ stored, rejected }).toEqual({ stored: 2, rejected: 1 });
    await expectHistoryOf(scene.db, tested([a, b]));
    const wrong = scene.importer.imports.importSource(source(), {
      ...FILE,
      map: new Map([['watch', 'nobody']]),
    });
    await expect(wrong).rejects.toMatchObject({ code: 'NOT_FOUND', details: { argument: 'map' } });
  });
});
