import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** The way in for every source; the rows of backed-up tables go through it first. */
export class CreateIngest1764000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/ingest_reports', 'common/carry_over_backup');
    await runner.query(
      `SELECT carry_over_backup('location_reports_backup'), carry_over_backup('location_history_backup')`,
    );
    await runner.query('REFRESH MATERIALIZED VIEW location_history');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_ingest');
  }
}
