import { inBriefTransaction } from '../src/database/schema/brief-transaction.js';
import { type PlannedWork, type Preparation, Step } from '../src/database/schema/step.js';
import type { Foundation } from '../src/database/server-capabilities.js';
import type { QueryRunner } from 'typeorm';

/**
 * 0.2.0: altitude, speed, course, battery, motion, and whether a report is imprecise; versions are recorded.
 *
 * Each table gets its columns in a transaction of its own: clients look into these tables in many orders, and whoever locks
 * one table alone is in nobody's way but for a moment.
 */
export class AddDeviceFields1767000000001 extends Step {
  readonly folder = '0002';

  files(made: Foundation): readonly string[] {
    return [...preparedFiles(made).map(({ file }) => file), ...lastFiles(made)];
  }

  override plan(made: Foundation): readonly PlannedWork[] {
    const relations = ['location_reports', ...preparedFiles(made).flatMap(({ relation }) => relation ?? [])];
    return relations.map((relation) => ({
      relation,
      action: 'add columns',
      lock: 'readers and writers wait',
      rewrites: false,
    }));
  }

  override async prepare({ session, made, progress }: Preparation): Promise<void> {
    for (const { file, relation } of preparedFiles(made)) {
      const relations = relation === null ? [] : [relation];
      await inBriefTransaction(session, () => this.runFile(session, file), { relations, progress });
    }
  }

  override relations(): readonly string[] {
    return ['location_reports'];
  }

  override async up(runner: QueryRunner): Promise<void> {
    for (const file of lastFiles(await this.foundation(runner))) await this.runFile(runner, file);
  }

  /** Its view gets these columns with the definitions. */
  override replaces(): readonly string[] {
    return ['location_history'];
  }
}

/** Files that can run again, each with the relation that it changes. */
function preparedFiles({ engine }: Foundation): { file: string; relation: string | null }[] {
  const days = engine === 'timescaledb' ? 'location_history_daily_late' : 'location_history_rollups';
  return [
    { file: 'common/let_reports_grow', relation: null },
    { file: 'common/rejected_fields', relation: 'rejected_reports' },
    { file: 'common/max_accuracy', relation: 'history_state' },
    { file: `${engine}/day_fields`, relation: days },
  ];
}

function lastFiles({ engine }: Foundation): string[] {
  return [
    'common/schema_version',
    `${engine}/report_fields`,
    ...(engine === 'timescaledb' ? ['timescaledb/next_aggregates'] : []),
  ];
}
