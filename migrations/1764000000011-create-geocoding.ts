import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** How cities get from the cells into every layer, and the state of those who look them up. */
export class CreateGeocoding1764000000011 extends Step {
  readonly folder = '0001';

  files({ engine }: Foundation): readonly string[] {
    return ['common/settled_cells', 'common/geocoding_state', `${engine}/fill_cities`];
  }

  /** Definitions alone, which are applied anew anyway. */
  override engineFiles(): readonly string[] {
    return [];
  }
}
