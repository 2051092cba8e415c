import { Step } from '../src/database/schema/step.js';

/** The ledger of imports, and the quarantine. */
export class CreateImportRuns1764000000009 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/import_runs', 'common/import_batches', 'common/retry_rejected_reports'];
  }
}
