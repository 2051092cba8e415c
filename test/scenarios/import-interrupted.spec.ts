import { expect, it } from '@jest/globals';
import { DomainError } from '../../src/common/errors/domain-error.js';
import { ImportBrokenError } from '../../src/import/import-summary.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { batch, garbage, Importer, ImportScene, ListSource, source } from '../support/scenes/import-scene.js';
import { expectHistoryOf } from '../support/history.js';
import { eventually } from '../support/waiting.js';

const BATCH = 100;

describeOnEveryEngine('a failed import', (engine) => {
  const scene = new ImportScene(engine, { importer: { IMPORT_BATCH_SIZE: BATCH } });
  const { report, walk, tested, runs } = scene;
  const FILE = { kind: 'file', name: 'walk' } as const;
  const cut = new DomainError('BAD_USER_INPUT', 'walk: it was cut');
  const down = new DomainError('UNAVAILABLE', 'nobody answers');
  const options = { ...FILE, fingerprint: 'f' };

  it('distinguishes broken input from a failure, and keeps what was read before', async () => {
    for (const [failure, outcome] of [
      [cut, 'broken'],
      [down, 'failed'],
    ] as const) {
      const broken = scene.importer.imports.importSource(new ListSource([batch(walk(130))], failure), FILE);
      await expect(broken).rejects.toBeInstanceOf(ImportBrokenError);
      await expect(broken).rejects.toMatchObject({ code: failure.code, summary: { read: 130 } });
      expect((await runs()).at(-1)).toMatchObject({
        outcome,
        read: 130,
        owner: null,
        error_code: failure.code,
      });
    }
    await expectHistoryOf(scene.db, tested(walk(130)));
  });

  it('resumes when the same input is imported again, even in other batches', async () => {
    const reports = [...walk(300), report(10, { position: 400 })];
    const items = [garbage(1), garbage(350)];
    const first = scene.importer.imports.importSource(
      new ListSource([batch(reports.slice(0, 130), items.slice(0, 1))], down),
      options,
    );
    await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const second = await scene.importer.imports.importSource(
      source(batch(reports.slice(0, 70)), batch(reports.slice(70), items)),
      options,
    );
    expect(second).toMatchObject({ resumedAt: 131, read: 303, stored: 300, duplicate: 1, rejected: 2 });
    expect(await runs()).toMatchObject([{ outcome: 'completed', resumed: 1, read: 303, error_code: null }]);
    // The run is complete, so importing the input again starts a new run.
    const third = await scene.importer.imports.importSource(source(batch(reports, items)), options);
    expect(third).toMatchObject({ resumedAt: 0, read: 303, stored: 0, duplicate: 301 });
  });

  it('is not resumed by another input', async () => {
    const begun = scene.importer.imports.importSource(new ListSource([batch(walk(130))], down), options);
    await expect(begun).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const other = await scene.importer.imports.importSource(source(batch(walk(200))), {
      ...FILE,
      fingerprint: 'g',
    });
    expect(other).toMatchObject({ resumedAt: 0, read: 200, stored: 70, duplicate: 130 });
  });

  it('is interrupted between two batches by a signal', async () => {
    const controller = new AbortController();
    const aborted = scene.importer.imports.importSource(
      source(...[0, 100, 200, 300].map((from) => batch(walk(100, from))), batch(walk(9, 400))),
      {
        ...options,
        signal: controller.signal,
        onProgress: () => controller.abort(new DomainError('UNAVAILABLE', 'it took too long')),
      },
    );
    await expect(aborted).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'it took too long' });
    const [run] = await runs();
    expect(run).toMatchObject({ outcome: 'interrupted', owner: null });
    expect(run?.['read']).toBeLessThan(400);
    const whole = await scene.importer.imports.importSource(source(batch(walk(409))), options);
    expect(whole).toMatchObject({ resumedAt: run?.['read'], read: 409, stored: 409 });
  });

  it('is taken over from a process that is gone, but not from a live one', async () => {
    const gone = await Importer.start(scene.db, { IMPORT_BATCH_SIZE: BATCH });
    let goOn = (): void => undefined;
    const hanging: ListSource = Object.assign(source(), {
      batches: async function* () {
        yield batch(walk(130));
        await new Promise<void>((resolve) => (goOn = resolve));
        yield batch(walk(100, 130));
      },
    });
    const first = gone.imports.importSource(hanging, options).catch((error: unknown) => error);
    await eventually(async () => expect((await runs())[0]).toMatchObject({ read: 100 }));
    await expect(
      scene.importer.imports.importSource(source(batch(walk(230))), options),
    ).rejects.toMatchObject({
      code: 'CONFLICT',
      message: 'walk: another process is importing the same input; wait until it has finished',
    });

    // As after a kill: no session holds the lock of the process.
    await scene.db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity, import_runs
         WHERE application_name = 'tracker-location-history import' AND datname = current_database()
           AND pid = (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid::bigint = import_owner_lock(owner) & 4294967295)`,
    );
    const second = await scene.importer.imports.importSource(source(batch(walk(230))), options);
    expect(second).toMatchObject({ resumedAt: 100, read: 230, stored: 230, duplicate: 0 });
    // The process was still alive; reports that it stored now would be counted twice.
    goOn();
    expect(await first).toMatchObject({ code: 'CONFLICT', summary: { read: 100 } });
    expect(await runs()).toMatchObject([{ outcome: 'completed', read: 230, stored: 230 }]);
    await gone.stop();
    await expectHistoryOf(scene.db, tested(walk(230)));
  });
});
