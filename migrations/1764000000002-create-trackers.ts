import type { QueryRunner } from 'typeorm';
import { Step } from '../src/database/schema/step.js';

const FILES = ['common/tracker_ids', 'common/refresh_markers', 'common/refresh_state'] as const;

/** Creates the table `trackers`, or adopts an existing one with its rows. */
export class CreateTrackers1764000000002 extends Step {
  readonly folder = '0001';

  files(): readonly string[] {
    return ['common/trackers', ...FILES];
  }

  override async up(runner: QueryRunner): Promise<void> {
    const [{ present }] = (await runner.query(`SELECT to_regclass('trackers') IS NOT NULL AS present`)) as [
      { present: boolean },
    ];
    for (const file of [present ? 'common/adopt_trackers' : 'common/trackers', ...FILES]) {
      await this.runFile(runner, file);
    }
  }
}
