import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { withClient } from '../support/servers/database-servers.js';
import { describeOnEveryEngine } from '../support/engines.js';
import {
  expectHistoryOfModel,
  KEYS_010,
  type OldDatabase,
  OldDatabases,
} from '../support/upgrade/used-version-0.1.0.js';
import { at, type TestReport } from '../support/history-oracle.js';
import { Random } from '../support/random.js';
import {
  asOf010,
  beginRun,
  closeDays,
  FIXTURES_010,
  insert,
  runSteps,
  settle,
  takeInBatch,
  takeReport,
  withFieldsOf010,
} from '../support/upgrade/version-0.1.0.js';

/** The query files of version 0.1.0. */
const QUERIES = readdirSync(join(FIXTURES_010, 'queries'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sql'))
  .sort();

/**
 * States of an upgrade in which processes of 0.1.0 use the database, and the reports that are stored then. Only the
 * last state detects imprecise reports, also in ingests by 0.1.0.
 */
const STAGES: readonly [
  stage: string,
  upgrade: (old: OldDatabase) => Promise<unknown>,
  stored: (reports: readonly TestReport[]) => TestReport[],
][] = [
  ['half of an upgrade', ({ db }) => runSteps(db, ['0002']), asOf010],
  ['an upgrade', ({ db }) => db.migrate(), withFieldsOf010],
];

describeOnEveryEngine('processes of version 0.1.0', (engine) => {
  let databases: OldDatabases;
  beforeAll(async () => {
    databases = await OldDatabases.create(engine);
  });
  afterAll(() => databases.drop());

  it.each(STAGES)('can prepare all of their statements after %s', async (_, upgrade) => {
    const old = await databases.copy();
    await upgrade(old);
    expect(QUERIES.length).toBeGreaterThan(30);
    await withClient(old.db.url, async (client) => {
      for (const name of QUERIES) {
        const statement = readFileSync(join(FIXTURES_010, 'queries', name), 'utf8');
        await client.query(`PREPARE of_010 AS ${statement}`).catch((error: unknown) => {
          throw new Error(`${name}: ${String(error)}`, { cause: error });
        });
        await client.query('DEALLOCATE of_010');
      }
    });
  });

  it.each(STAGES)('ingest reports after %s, refresh, and close days', async (_, upgrade, stored) => {
    const old = await databases.copy();
    await upgrade(old);
    const { db, model, today } = old;
    const random = new Random(13);
    const keys = [...KEYS_010];
    const reports = [
      random.reports(30, keys, at(today, -2, '00:00:00'), today),
      random.reports(30, keys, at(today, -20, '00:00:00'), at(today, -2, '00:00:00')),
    ].flat();
    const [inserted, imported, sent] = [0, 1, 2].map((part) => reports.filter((__, i) => i % 3 === part)) as [
      TestReport[],
      TestReport[],
      TestReport[],
    ];
    await insert(db, inserted);
    await withClient(db.url, async (client) => {
      const walk = await beginRun(client, 'another walk.ndjson', 'fingerprint 3');
      await takeInBatch(client, walk, [...imported, ...inserted.slice(0, 5)], []);
      for (const report of sent) expect(await takeReport(client, report)).toMatch(/^(stored|late)$/);
      expect(await takeReport(client, sent[0] as TestReport)).toBe('duplicate');
    });
    expect(
      await db.queryOnNewConnection(
        `SELECT read::int, stored + late AS taken, duplicate::int FROM import_runs WHERE name LIKE 'another%'`,
      ),
    ).toEqual([{ read: imported.length + 5, taken: String(imported.length), duplicate: 5 }]);
    model.add(stored(reports));
    await settle(db);
    expect(await closeDays(db, 1)).toHaveLength(1);
    model.horizon = at(today, -1, '00:00:00');
    await settle(db);

    await db.migrate();
    await db.reconnect();
    await expectHistoryOfModel(db, model);
  });
});
