import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, runSchema } from './sql-migration.js';

/** How cities get from the cells into every layer, and the state of those who look them up. */
export class CreateGeocoding1764000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const engine = await engineOf(runner);
    await runSchema(runner, 'common/settled_cells', 'common/geocoding_state', `${engine}/fill_cities`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_fill_cities', 'common/drop_geocoding');
  }
}
