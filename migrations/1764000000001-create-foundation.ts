import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** Spatial layer, and the record of what this database is made with. */
export class CreateFoundation1764000000001 extends Step {
  readonly folder = '0001';

  files({ spatialLayer }: Foundation): readonly string[] {
    return [
      'common/foundation',
      `spatial/${spatialLayer}`,
      'common/history_state',
      'common/record_foundation',
      'common/possible_accuracy',
    ];
  }
}
