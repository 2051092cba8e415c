import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestDatabase } from '../support/test-database.js';

const TRACKERS = 'SELECT to_jsonb(t) AS row FROM trackers AS t ORDER BY id';
const KEY = Buffer.from('key').toString('base64');
/** base64(SHA-256('key')) */
const HASH = 'LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM=';

describe('migrations of a database that has a trackers table', () => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await TestDatabase.create('postgresql', { empty: true });
  });
  afterEach(() => db.drop());

  const trackers = async (): Promise<Record<string, unknown>[]> =>
    (await db.queryOnNewConnection(TRACKERS)).map(({ row }) => row as Record<string, unknown>);

  it('adopt the smallest possible table, and undo restores it', async () => {
    await db.queryOnNewConnection('CREATE TABLE trackers (id int, name varchar(20), hashed_adv_key varchar)');
    await db.queryOnNewConnection(`INSERT INTO trackers VALUES (7, 'Käfer', 'k7'), (3, 'bee', 'k3')`);
    const before = await trackers();
    await db.migrate();
    expect(await trackers()).toMatchObject([
      { id: 3, name: 'bee', hashed_adv_key: 'k3', current_status: 'CREATED', advertisement_key: null },
      { id: 7, name: 'Käfer', hashed_adv_key: 'k7', mac_address: null, last_report_received: null },
    ]);
    expect(
      await db.queryOnNewConnection(
        `INSERT INTO trackers (name, hashed_adv_key) VALUES ('new', 'k8') RETURNING id`,
      ),
    ).toEqual([{ id: '8' }]);
    await db.queryOnNewConnection('DELETE FROM trackers WHERE id = 8');
    await db.undoMigrations();
    expect(await trackers()).toEqual(before);
    expect(
      await db.queryOnNewConnection(`SELECT column_name AS name, data_type AS type, is_nullable AS nullable FROM information_schema.columns
        WHERE table_name = 'trackers' ORDER BY ordinal_position`),
    ).toEqual([
      { name: 'id', type: 'integer', nullable: 'YES' },
      { name: 'name', type: 'character varying', nullable: 'YES' },
      { name: 'hashed_adv_key', type: 'character varying', nullable: 'YES' },
    ]);
    await db.migrate();
    expect(await trackers()).toHaveLength(2);
  });

  it.each([
    ['none', null],
    ['without generated ids', 'CREATE TABLE trackers (id int, name text, hashed_adv_key text)'],
    ['with a sequence', 'CREATE TABLE trackers (id serial PRIMARY KEY, name text, hashed_adv_key text)'],
  ])('assign ids above those that were assigned by hand (earlier table: %s)', async (_, table) => {
    if (table !== null) await db.queryOnNewConnection(table);
    await db.migrate();
    const register = (name: string): Promise<unknown> =>
      db.queryOnNewConnection(
        `INSERT INTO trackers (name, hashed_adv_key) VALUES ($1, $1) RETURNING id::int`,
        [name],
      );
    expect(await register('first')).toEqual([{ id: 1 }]);
    await db.queryOnNewConnection(
      `INSERT INTO trackers (id, name, hashed_adv_key) VALUES (2, 'a', 'a'), (123, 'b', 'b')`,
    );
    expect(await register('next')).toEqual([{ id: 124 }]);
    await db.queryOnNewConnection(`INSERT INTO trackers (id, name, hashed_adv_key) VALUES (50, 'c', 'c')`);
    expect(await register('last')).toEqual([{ id: 125 }]);
    await db.queryOnNewConnection('DELETE FROM trackers');
    await db.undoMigrations();
  });

  it('reject duplicate and empty values afterwards', async () => {
    await db.queryOnNewConnection(
      'CREATE TABLE trackers (id int PRIMARY KEY, name text, hashed_advertisement_key text)',
    );
    await db.queryOnNewConnection(`INSERT INTO trackers VALUES (1, 'bee', 'k')`);
    await db.migrate();
    for (const [row, constraint] of [
      [`'bee', 'other'`, 'trackers_name_key'],
      [`'other', 'k'`, 'trackers_hashed_adv_key_key'],
      [`'', 'other'`, 'trackers_name_not_empty'],
    ]) {
      await expect(
        db.queryOnNewConnection(`INSERT INTO trackers (id, name, hashed_adv_key) VALUES (2, ${row})`),
      ).rejects.toMatchObject({ constraint });
    }
  });

  it('compute the hash of a key that has none, and convert a status that is text', async () => {
    await db.queryOnNewConnection(`CREATE TABLE trackers (id bigint PRIMARY KEY, name text, advertisement_key text, hashed_adv_key text,
         current_status varchar(20) DEFAULT 'created', created_at timestamp DEFAULT now())`);
    await db.queryOnNewConnection(
      `INSERT INTO trackers VALUES (1, 'bee', '${KEY}', NULL, 'in_transit', '2026-01-01 12:00'), (2, 'ant', NULL, 'k2', NULL, NULL)`,
    );
    await db.migrate();
    const [bee, ant] = await trackers();
    expect(bee).toMatchObject({ hashed_adv_key: HASH, current_status: 'IN_TRANSIT' });
    expect(new Date(String(bee?.['created_at'])).toISOString()).toBe('2026-01-01T12:00:00.000Z');
    expect(ant).toMatchObject({ current_status: 'CREATED', created_at: expect.any(String) });
    await db.undoMigrations();
    expect(await trackers()).toMatchObject([
      {
        id: 1,
        advertisement_key: KEY,
        hashed_adv_key: HASH,
        current_status: 'IN_TRANSIT',
        created_at: '2026-01-01T12:00:00',
      },
      { id: 2, current_status: 'CREATED' },
    ]);
    await db.queryOnNewConnection(`INSERT INTO trackers (id, name) VALUES (3, 'fly')`);
    expect((await trackers())[2]).toMatchObject({ current_status: 'created', hashed_adv_key: null });
  });

  const TABLE =
    'CREATE TABLE trackers (id int PRIMARY KEY, name text, hashed_adv_key text, advertisement_key text)';
  it.each([
    [
      'an id that is not a number',
      `CREATE TABLE trackers (id uuid, name text, hashed_adv_key text)`,
      /its id is no whole number \(uuid\)/,
    ],
    ['no name', 'CREATE TABLE trackers (id int, hashed_adv_key text)', /a column is missing \(name\)/],
    ['no hash', 'CREATE TABLE trackers (id int, name text)', /a column is missing \(hashed_adv_key\)/],
    [
      'a tracker without a hash',
      `${TABLE}; INSERT INTO trackers VALUES (4, 'x')`,
      /without hashed_adv_key \(ids 4\)/,
    ],
    [
      'a tracker without a name',
      `${TABLE}; INSERT INTO trackers VALUES (5, '', 'k')`,
      /without a name \(ids 5\)/,
    ],
    [
      'a name twice',
      `${TABLE}; INSERT INTO trackers VALUES (1, 'x', 'k'), (2, 'x', 'l')`,
      /share a name \(x\)/,
    ],
    [
      'a hash twice',
      `${TABLE}; INSERT INTO trackers VALUES (1, 'x', 'k'), (2, 'y', 'k')`,
      /share a hashed_adv_key \(k\)/,
    ],
    [
      'a key twice',
      `${TABLE}; INSERT INTO trackers VALUES (1, 'x', 'k', 'a'), (2, 'y', 'l', 'a')`,
      /share an advertisement_key \(a\)/,
    ],
    [
      'a key that is not base64',
      `${TABLE}; INSERT INTO trackers VALUES (1, 'x', NULL, '!')`,
      /is not base64/,
    ],
    [
      'another status',
      `${TABLE}; ALTER TABLE trackers ADD current_status text DEFAULT 'LOST'; INSERT INTO trackers VALUES (1, 'x', 'k')`,
      /invalid input value for enum tracker_status: "LOST"/,
    ],
    [
      'another enum',
      `${TABLE}; CREATE TYPE tracker_status AS ENUM ('ACTIVE')`,
      /tracker_status has other values \(ACTIVE\)/,
    ],
    [
      'a view on a column that must change',
      `${TABLE}; CREATE VIEW named AS SELECT id FROM trackers`,
      /cannot alter type of a column used by a view/,
    ],
  ])('name the obstacle, and change nothing: %s', async (_, sql, message) => {
    await db.queryOnNewConnection(sql);
    const before = await db.queryOnNewConnection('SELECT to_jsonb(t) AS row FROM trackers AS t');
    await expect(db.migrate()).rejects.toThrow(message);
    await expect(db.migrate()).rejects.toThrow('the table trackers cannot be taken over');
    expect(await db.queryOnNewConnection('SELECT to_jsonb(t) AS row FROM trackers AS t')).toEqual(before);
    expect(await db.undoMigrations()).toBe(1); // the migration of the foundation had run
    expect(await db.queryOnNewConnection('SELECT to_jsonb(t) AS row FROM trackers AS t')).toEqual(before);
  });
});
