import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, runSchema } from './sql-migration.js';

export class CreateLocationReports1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const engine = await engineOf(runner);
    await runSchema(runner, `${engine}/location_reports`, 'common/report_guards');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_location_reports');
  }
}
