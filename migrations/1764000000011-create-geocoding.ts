import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** Copying of cities from the cells into every layer, and the state of the geocoder. */
export class CreateGeocoding1764000000011 extends Step {
  readonly folder = '0001';

  files({ engine }: Foundation): readonly string[] {
    return ['common/settled_cells', 'common/geocoding_state', `${engine}/fill_cities`];
  }

  /** Only definitions, which are applied again after the steps. */
  override engineFiles(): readonly string[] {
    return [];
  }
}
