import type { Foundation } from '../src/database/server-capabilities.js';
import { type PlannedWork, Step } from '../src/database/schema/step.js';

/** 0.2.0: altitude, speed, course, battery, motion, and whether a report is imprecise; versions are recorded. */
export class AddDeviceFields1767000000001 extends Step {
  readonly folder = '0002';

  files({ engine }: Foundation): readonly string[] {
    return [
      'common/schema_version',
      'common/device_fields',
      'common/let_reports_grow',
      `${engine}/device_fields`,
      ...(engine === 'timescaledb' ? ['timescaledb/next_aggregates'] : []),
    ];
  }

  override plan({ engine }: Foundation): readonly PlannedWork[] {
    const days = engine === 'timescaledb' ? 'location_history_daily_late' : 'location_history_rollups';
    return [
      ...['location_reports', days, 'rejected_reports', 'history_state'].map((relation): PlannedWork => ({
        relation,
        action: 'add columns',
        lock: 'readers and writers wait',
        rewrites: false,
      })),
    ];
  }

  /** Its view gets these columns with the definitions. */
  override replaces(): readonly string[] {
    return ['location_history'];
  }
}
