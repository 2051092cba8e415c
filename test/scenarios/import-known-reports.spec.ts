import { expect, it } from '@jest/globals';
import type { SourceReport } from '../../src/import/report-source.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { batch, Importer, ImportScene, source } from '../support/scenes/import-scene.js';
import { expectHistoryOf } from '../support/history.js';

const FILE = { kind: 'file', name: 'walk' } as const;

// ingest_reports() guesses from the first hundred reports whether a batch has known ones.
describeOnEveryEngine('an import with some known reports', (engine) => {
  const scene = new ImportScene(engine, { importer: { IMPORT_BATCH_SIZE: 1000 } });
  const { report, walk, tested } = scene;
  const ingest = (...reports: SourceReport[]) =>
    scene.importer.imports.importSource(source(batch(reports)), FILE);

  it.each([0, 99, 100, 250, 299])('counts a known report at index %d as a duplicate', async (i) => {
    await ingest(report(i));
    expect(await ingest(...walk(300))).toMatchObject({ stored: 299, duplicate: 1, rejected: 0 });
    await expectHistoryOf(scene.db, tested(walk(300)));
  });

  it('rejects another position at a known instant, late in the batch', async () => {
    await ingest(report(280));
    const elsewhere = report(280, { position: 301, latitude: 3 });
    expect(await ingest(...walk(280), elsewhere)).toMatchObject({ stored: 280, duplicate: 0, rejected: 1 });
    await expectHistoryOf(scene.db, tested(walk(281)));
  });

  it('stores a report once that a batch contains twice', async () => {
    expect(await ingest(...walk(300), { ...report(7), position: 301 })).toMatchObject({
      stored: 300,
      duplicate: 1,
    });
    await expectHistoryOf(scene.db, tested(walk(300)));
  });

  it('counts each report once when two imports store it at the same time', async () => {
    const both = await Promise.all([ingest(...walk(3000)), ingest(...walk(3000))]);
    expect(both.map(({ read }) => read)).toEqual([3000, 3000]);
    expect(both.reduce((sum, { stored }) => sum + stored, 0)).toBe(3000);
    expect(both.reduce((sum, { duplicate }) => sum + duplicate, 0)).toBe(3000);
    await expectHistoryOf(scene.db, tested(walk(3000)));
  });

  it('completes with more imports at once than connections', async () => {
    const busy = await Importer.start(scene.db, { IMPORT_BATCH_SIZE: 100, DATABASE_POOL_SIZE: 4 });
    try {
      const imports = Array.from({ length: 12 }, (_, i) =>
        busy.imports.importSource(source(batch(walk(500, i * 500))), FILE),
      );
      for (const { stored } of await Promise.all(imports)) expect(stored).toBe(500);
    } finally {
      await busy.stop();
    }
    await expectHistoryOf(scene.db, tested(walk(6000)));
  });
});
