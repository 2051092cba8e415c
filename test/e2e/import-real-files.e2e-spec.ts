import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { Importer } from '../support/scenes/import-scene.js';
import { REAL_FILES, REAL_FOLDER, SKIP_REAL_FILES } from '../support/real-files.js';
import { readHistory } from '../support/history.js';
import { TestDatabase } from '../support/test-database.js';

/** Retention that includes the oldest file, of 2013. */
const DAYS = '9000';

describeOnEveryEngine('import of real files', (engine) => {
  let db: TestDatabase;
  let importer: Importer;

  beforeAll(async () => {
    db = await TestDatabase.create(engine, { env: { DAILY_RETENTION_DAYS: DAYS } });
    importer = await Importer.start(db, { IMPORT_BATCH_SIZE: 500 });
  });
  afterAll(async () => {
    await importer.stop();
    await db.drop();
  });

  (REAL_FOLDER === undefined ? describe.skip : describe)(
    `from other software${SKIP_REAL_FILES ?? ''}`,
    () => {
      it.each(REAL_FILES)(
        '$name: counts match an independent count, and a second import changes nothing',
        async (real) => {
          const file = join(REAL_FOLDER ?? '', real.name);
          const expected = real.count(readFileSync(file, 'utf8'));
          const tracker = `tracker of ${real.name}`;
          const key = `key of ${real.name}`;
          await db.register(tracker, key);

          const first = await importer.imports.importFile(file, { tracker });
          expect(first).toMatchObject({
            format: real.format,
            read: expected.reports + expected.others,
            stored: 0,
            late: expected.instants,
            duplicate: expected.reports - expected.instants,
            rejected: expected.others,
          });
          const history = (await readHistory(db)).filter((row) => row.key === key);
          expect(history.reduce((sum, { reports }) => sum + reports, 0)).toBe(expected.instants);

          const second = await importer.imports.importFile(file, { tracker });
          expect(second).toMatchObject({
            resumedAt: 0,
            read: first.read,
            stored: 0,
            late: 0,
            duplicate: expected.reports,
            rejected: expected.others,
          });
          expect(second.runId).not.toBe(first.runId);
          expect((await readHistory(db)).filter((row) => row.key === key)).toEqual(history);
        },
      );

      it('assigns the devices in a file to trackers', async () => {
        const file = join(REAL_FOLDER ?? '', 'owntracks-2024-03.rec');
        const counted = REAL_FILES.find(({ name }) => name.endsWith('.rec'))?.count(
          readFileSync(file, 'utf8'),
        );
        await db.register('a phone', 'key of a phone');
        const map = new Map((counted?.devices ?? []).map((device) => [device, 'a phone']));
        expect(map.size).toBeGreaterThan(0);
        expect(await importer.imports.importFile(file, { map })).toMatchObject({ late: counted?.instants });
      });
    },
  );
});
