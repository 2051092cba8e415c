import { Step } from '../src/database/schema/step.js';

/** Ingest of reports; the rows of backed-up tables are ingested first. */
export class CreateIngest1764000000007 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/ingest_reports', 'common/carry_over_backup', 'common/carry_over_backups'];
  }
}
