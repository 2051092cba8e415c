import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** Keys of trackers, and whose reports are to be fetched. */
export class CreateTrackerKeys1764000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/tracker_keys', 'common/tracker_fetches');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_tracker_keys');
  }
}
