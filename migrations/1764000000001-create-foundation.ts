import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** Creates the spatial layer, and records engine and spatial layer of the database. */
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
