import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { anyEngine } from '../support/engines.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

const SESSIONS = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tracker-location-history'
  AND client_port <> ALL ($1::int[]) AND state = 'idle'`;

let db: TestDatabase;
let proxy: SwitchableProxy;
let dataSource: DataSource;
beforeAll(async () => {
  db = await TestDatabase.create(anyEngine());
  proxy = await SwitchableProxy.start(db.url);
  dataSource = await createDataSource(db.config, proxy.through(db.url)).initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await proxy.close();
  await db.drop();
});

/** A session has no error listener while the pool hands it out; an error then would end the process. */
it('a session that the server ends at once fails the statement that requested it, and no other', async () => {
  const known = await db.query<{ port: number }>(
    'SELECT client_port AS port FROM pg_stat_activity WHERE datname = current_database()',
  );
  const ports = [known.map(({ port }) => port)];
  const other = dataSource.createQueryRunner();
  await other.connect(); // takes the only open connection
  proxy.inject('late answers');
  const failed = expect(dataSource.query('SELECT 1')).rejects.toThrow(/terminat|connection/);
  await eventually(async () => expect(await db.value(`SELECT count(*) ${SESSIONS}`, ports)).toBe(1));
  await db.query(`SELECT pg_terminate_backend(pid) ${SESSIONS}`, ports);
  await failed;

  proxy.inject('none');
  expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await other.release();
  expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('times are parsed correctly if the database has another datestyle', async () => {
  await db.query(`ALTER DATABASE ${db.name} SET datestyle = 'German'`);
  const later = await createDataSource(db.config, db.url).initialize();
  const [row] = await later.query<{ moment: Date }[]>("SELECT timestamptz '2026-11-26 10:00:00Z' AS moment");
  await later.destroy();
  expect(row?.moment).toEqual(new Date('2026-11-26T10:00:00Z'));
});
