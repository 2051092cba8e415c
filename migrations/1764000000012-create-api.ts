import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** Statuses with their history, what the API reads, and reports that are deleted for good. */
export class CreateApi1764000000012 extends Step {
  readonly folder = '0001';

  files({ engine }: Foundation): readonly string[] {
    return [
      'common/tracker_status_history',
      'common/history_answers',
      'common/history_in_zone_days',
      'common/deleted_reports',
      `${engine}/newest_days`,
      `${engine}/erase_aggregates`,
      'common/erase_reports',
      'common/take_report',
      'common/distance',
    ];
  }

  /** Definitions alone, which are applied anew anyway. */
  override engineFiles(): readonly string[] {
    return [];
  }
}
