import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** Spatial layer, and the record of what this database is made with. */
export class CreateFoundation1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const [{ layer }] = (await runner.query(`SELECT current_setting('tracker.spatial_layer') AS layer`)) as [
      { layer: string },
    ];
    await runSchema(
      runner,
      'common/foundation',
      `spatial/${layer}`,
      'common/history_state',
      'common/record_foundation',
      'common/possible_accuracy',
    );
  }

  /** PostGIS stays: other things in the database may use it. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE history_state CASCADE;
      DROP FUNCTION refuse_boundary_moving_back(), midnight_before(integer), current_horizon();
      DROP FUNCTION make_geo_point, is_possible_accuracy;
      DROP DOMAIN geo_point;
      DROP SCHEMA tracker_compat CASCADE;
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = %s', current_database(),
          replace(current_setting('search_path'), ', tracker_compat', ''));
      END $$`);
  }
}
