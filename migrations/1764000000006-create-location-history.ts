import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, runSchema } from './sql-migration.js';

/** What is read: the view over hours and days, the materialized view, and the cities in both. */
export class CreateLocationHistory1764000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const engine = await engineOf(runner);
    await runSchema(
      runner,
      'common/geocoding_cells',
      'common/queue_reports',
      `${engine}/daily_history`,
      'common/location_history',
      `${engine}/nearest_city`,
      `${engine}/history_layers`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_location_history', 'common/drop_queue_reports');
    await runner.query('DROP TABLE geocoding_cells, geocoding_queue; DROP FUNCTION cell_of');
  }
}
