import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** The relations that are read (the view over hours and days, the materialized view), and the cities in both. */
export class CreateLocationHistory1764000000006 extends Step {
  readonly folder = '0001';

  files({ engine }: Foundation): readonly string[] {
    return [
      'common/geocoding_cells',
      'common/queue_reports',
      `${engine}/daily_history`,
      'common/location_history',
      `${engine}/nearest_city`,
      `${engine}/history_layers`,
    ];
  }

  /** Only definitions, which are applied again after the steps. */
  override engineFiles(): readonly string[] {
    return [];
  }
}
