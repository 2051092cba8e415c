import { inBriefTransaction } from '../src/database/schema/brief-transaction.js';
import { type PlannedWork, type Preparation, Step } from '../src/database/schema/step.js';
import type { Foundation } from '../src/database/server-capabilities.js';
import type { QueryRunner } from 'typeorm';

/**
 * 0.2.0: telemetry (altitude, speed, course, battery, motion), the imprecise flag, and the record of the schema
 * version.
 *
 * Each table gets its columns in a transaction of its own: clients lock these tables in many orders, and a transaction
 * that locks only one of them cannot deadlock with a client.
 */
export class AddDeviceFields1767000000001 extends Step {
  readonly folder = '0002';

  files(foundation: Foundation): readonly string[] {
    return [...preparedFiles(foundation).map(({ file }) => file), ...lastFiles(foundation)];
  }

  override plan(foundation: Foundation): readonly PlannedWork[] {
    const relations = [
      'location_reports',
      ...preparedFiles(foundation).flatMap(({ relation }) => relation ?? []),
    ];
    return relations.map((relation) => ({
      relation,
      action: 'add columns',
      lock: 'readers and writers wait',
      rewrites: false,
    }));
  }

  override async prepare({ session, foundation, progress }: Preparation): Promise<void> {
    for (const { file, relation } of preparedFiles(foundation)) {
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

  /** location_history_view gets these columns with the definitions. */
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
