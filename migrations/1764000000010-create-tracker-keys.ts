import { Step } from '../src/database/schema/step.js';

/** Keys of trackers, and the state of fetching their reports. */
export class CreateTrackerKeys1764000000010 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/tracker_keys', 'common/tracker_fetches'];
  }
}
