import { Step } from '../src/database/schema/step.js';

/** Renames existing tables `location_history` and `location_reports`, whose names the product uses. */
export class BackUpLocationHistory1764000000003 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/back_up_location_history'];
  }
}
