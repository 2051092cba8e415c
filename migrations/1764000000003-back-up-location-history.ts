import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** Earlier tables `location_history` and `location_reports` make room for what has those names from now on. */
export class BackUpLocationHistory1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/back_up_location_history');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE IF EXISTS location_history_backup RENAME TO location_history;
      ALTER TABLE IF EXISTS location_reports_backup RENAME TO location_reports`);
  }
}
