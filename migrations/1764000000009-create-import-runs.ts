import type { MigrationInterface, QueryRunner } from 'typeorm';
import { runSchema } from './sql-migration.js';

/** The ledger of imports, and the quarantine. */
export class CreateImportRuns1764000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/import_runs', 'common/import_batches', 'common/retry_rejected_reports');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, 'common/drop_import_runs');
  }
}
