import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** Statuses with their history, functions that the API reads, and permanent deletion of reports. */
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

  /** Its files for an engine create functions only, which moving to another engine gets from sql/definitions. */
  override engineFiles(): readonly string[] {
    return [];
  }
}
