import { Step } from '../src/database/schema/step.js';

/** Earlier tables `location_history` and `location_reports` make room for what has those names from now on. */
export class BackUpLocationHistory1764000000003 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/back_up_location_history'];
  }
}
