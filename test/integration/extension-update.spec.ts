import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnTimescale } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

/**
 * An update of TimescaleDB recreates its catalogs and views (2.28.0: DROP TABLE _timescaledb_catalog.continuous_agg),
 * and fails if an object outside of the extension depends on one of them.
 */
describeOnTimescale('an update of the extension', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await TestDatabase.create('timescaledb');
  });
  afterAll(() => db.drop());

  it('finds no view of the product that depends on its catalogs', async () => {
    expect(
      await db.query(
        `SELECT DISTINCT r.ev_class::regclass::text AS view, d.refobjid::regclass::text AS catalog
         FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
         JOIN pg_class AS referenced ON referenced.oid = d.refobjid
         WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
           AND r.ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
           AND referenced.relnamespace::regnamespace::text IN ('_timescaledb_catalog', 'timescaledb_information')`,
      ),
    ).toEqual([]);
  });
});
