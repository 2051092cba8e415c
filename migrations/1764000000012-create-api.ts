import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, runSchema } from './sql-migration.js';

/** What the API stands on: statuses with their history, what it reads, and reports that are deleted for good. */
export class CreateApi1764000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const engine = await engineOf(runner);
    await runSchema(
      runner,
      'common/tracker_status_history',
      'common/history_answers',
      'common/history_in_zone_days',
      'common/deleted_reports',
      `${engine}/newest_days`,
      `${engine}/erase_aggregates`,
      'common/erase_reports',
      'common/take_report',
      'common/distance',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(
      runner,
      'common/drop_erase_reports',
      'common/drop_history_answers',
      'common/drop_tracker_status_history',
    );
    await runner.query('DROP TABLE deleted_reports; DROP FUNCTION take_report, distance_in_metres');
  }
}
