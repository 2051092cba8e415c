import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** A `trackers` table that is there already is taken over with its rows. */
export class CreateTrackers1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const [{ present }] = (await runner.query(`SELECT to_regclass('trackers') IS NOT NULL AS present`)) as [
      { present: boolean },
    ];
    await runSchema(
      runner,
      present ? 'common/adopt_trackers' : 'common/trackers',
      'common/tracker_ids',
      'common/refresh_markers',
      'common/refresh_state',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_trackers');
    await runner.query(`
      DROP TABLE refresh_markers, refresh_state;
      DROP TRIGGER mark_cut_moved ON history_state;
      DROP FUNCTION mark_history_changed, mark_trackers_changed, mark_trackers_rekeyed, mark_cut_moved`);
  }
}
