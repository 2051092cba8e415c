import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AppRole } from '../../src/config/env.schema.js';
import { migrate } from '../../src/migration/migrator.js';
import { ImportModule } from '../../src/import/import.module.js';
import { ImportOwnerRepository } from '../../src/import/import-owner.repository.js';
import { Api, commandConfig, openModule } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { ROOT } from '../support/processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const POOL = 4;
const ALL: AppRole[] = ['api', 'refresher', 'importer', 'geocoder'];

/** A row of the table in docs/connections.md; `most` is the documented maximum. */
interface Row {
  pool: string;
  listeners: number;
  /** Sessions that own import runs. */
  owner: number;
  most: number;
}

async function documented(): Promise<Map<string, Row>> {
  const text = await readFile(join(ROOT, 'docs/connections.md'), 'utf8');
  const section = text.split('## How many connections')[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, cells]) =>
    (cells ?? '').split('|').map((cell) => cell.trim()),
  );
  return new Map(
    rows.slice(2).map(([process = '', pool = '', listeners, owner, most]) => [
      process.replaceAll('`', ''),
      {
        pool: pool.replaceAll('`', ''),
        listeners: Number(listeners),
        owner: Number(owner),
        most: Number(most),
      },
    ]),
  );
}

describeOnEveryEngine('the documented number of connections', (engine) => {
  let db: TestDatabase;
  let table: Map<string, Row>;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.dataSource.destroy(); // all product connections must belong to the process under test
    table = await documented();
  });
  afterAll(async () => {
    await db.dataSource.initialize();
    await db.drop();
  });

  const countConnections = async (applicationName: string): Promise<number> =>
    db.value(
      'SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1',
      [applicationName],
    );
  /** Drives a process to its maximum of connections (pool busy, import running), and compares them with its row. */
  async function expectAsDocumented(context: INestApplicationContext, process: string): Promise<void> {
    const row = table.get(process);
    if (!row) throw new Error(`docs/connections.md has no row for ${process}`);
    const dataSource = context.get(DataSource, { strict: false });
    const busy = Promise.all(Array.from({ length: 3 * POOL }, () => dataSource.query('SELECT pg_sleep(1)')));
    // Opens the session that owns the import runs of the process, if it has the module.
    try {
      await context.get(ImportOwnerRepository, { strict: false }).name();
    } catch (error) {
      expect(String(error)).toMatch(/does not exist in the current context/);
    }
    await eventually(async () => {
      expect({
        pool: await countConnections('tracker-location-history'),
        listeners: await countConnections('tracker-location-history listener %'),
        owner: await countConnections('tracker-location-history import'),
      }).toEqual({ pool: POOL, listeners: row.listeners, owner: row.owner });
    });
    await busy;
    expect(row.pool).toBe('DATABASE_POOL_SIZE');
    expect(row.most).toBe(db.config.DATABASE_POOL_SIZE + row.listeners + row.owner);
    expect(await countConnections('tracker-location-history%')).toBeLessThanOrEqual(
      POOL + row.listeners + row.owner,
    );
  }

  it.each([...ALL.map((role) => [role, [role]] as const), ['all roles in one', ALL] as const])(
    'is correct for role %s',
    async (process, roles) => {
      const api = await Api.start(db, false, {
        APP_ROLES: [...roles],
        DATABASE_POOL_SIZE: POOL,
        FIND_MY_ENDPOINT_URL: 'http://127.0.0.1:1',
      });
      try {
        await expectAsDocumented(api.app, process);
      } finally {
        await api.stop();
      }
    },
  );

  it('is correct for tracker import', async () => {
    const context = await openModule(
      db,
      ImportModule,
      commandConfig(db, { DATABASE_POOL_SIZE: String(POOL) }),
    );
    try {
      await expectAsDocumented(context, 'tracker import, import retry, fetch');
    } finally {
      await context.close();
    }
  });

  it('is correct for tracker migrate', async () => {
    const empty = await TestDatabase.create(engine, { empty: true });
    await empty.dataSource.destroy();
    let most = 0;
    let done = false;
    const migrating = migrate(empty.config, empty.url).finally(() => (done = true));
    while (!(done as boolean)) {
      most = Math.max(
        most,
        await empty.value(
          `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tracker-%'`,
        ),
      );
      await sleep(5);
    }
    await migrating;
    process.stderr.write(`${engine}: migrate opened at most ${most} connections\n`);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(table.get('tracker migrate')?.most ?? 0);
    await empty.dataSource.initialize();
    await empty.drop();
  });
});
