import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnTimescale } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

/**
 * An update of TimescaleDB makes its catalogs and views anew (2.28.0: DROP TABLE _timescaledb_catalog.continuous_agg), and
 * fails where something that is not its own depends on one of them.
 */
describeOnTimescale('an update of the extension', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await TestDatabase.create('timescaledb');
  });
  afterAll(() => db.drop());

  it('finds no view of ours that depends on its catalogs', async () => {
    expect(
      await db.query(
        `SELECT DISTINCT r.ev_class::regclass::text AS view, d.refobjid::regclass::text AS "standsOn"
         FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
         JOIN pg_class AS theirs ON theirs.oid = d.refobjid
         WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
           AND r.ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
           AND theirs.relnamespace::regnamespace::text IN ('_timescaledb_catalog', 'timescaledb_information')`,
      ),
    ).toEqual([]);
  });
});
