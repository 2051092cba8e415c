import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, runSchema } from './sql-migration.js';

/** Hourly and daily aggregates, late reports, retention and refresh. */
export class CreateAggregates1764000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const engine = await engineOf(runner);
    await runSchema(
      runner,
      'common/summarize_reports',
      `${engine}/aggregates`,
      'common/report_identities',
      'common/claim_late_reports',
      'common/unmergeable_reports',
      `${engine}/late_reports`,
      `${engine}/report_triggers`,
      `${engine}/refresh`,
      `${engine}/retention`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runSchema(runner, `${await engineOf(runner)}/drop_aggregates`, 'common/drop_report_functions');
    await runner.query('DROP TABLE report_identities');
  }
}
