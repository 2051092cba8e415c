import { type PlannedWork, Step } from '../src/database/schema/step.js';

/** 0.3.0: the agreed time, and what each day of history should hold; a report's time is checked when it comes in. */
export class GuardHistory1769000000001 extends Step {
  readonly folder = '0004';

  files(): readonly string[] {
    return ['common/history_clock', 'common/history_days', 'common/check_future_at_insert'];
  }

  /** An engine's location_reports begins with the constraint of step 0001. */
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
