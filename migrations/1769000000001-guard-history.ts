import { type PlannedWork, Step } from '../src/database/schema/step.js';

/**
 * 0.3.0: the agreed time, the number of reports that each day should have, and a trigger that checks the time of a
 * report.
 */
export class GuardHistory1769000000001 extends Step {
  readonly folder = '0004';

  files(): readonly string[] {
    return ['common/history_clock', 'common/history_days', 'common/check_future_at_insert'];
  }

  /** Step 0001 creates an engine's location_reports with the constraint, so the step has to drop it again. */
  override engineFiles(): readonly string[] {
    return ['common/check_future_at_insert'];
  }

  override plan(): readonly PlannedWork[] {
    return [
      {
        relation: 'location_reports',
        action: 'drop a constraint; a trigger checks the same',
        lock: 'readers and writers wait',
        rewrites: false,
      },
    ];
  }

  override relations(): readonly string[] {
    return ['location_reports'];
  }
}
