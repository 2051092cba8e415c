import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';

/** What the demo needs of the database and nothing else does. */
@Injectable()
export class DemoRepository {
  constructor(private readonly db: DataSource) {}

  /** Runs the same script that an operator runs by hand. */
  async loadMockReports(): Promise<void> {
    await this.db.query(sqlFile('mock_location_reports_europe'));
  }

  /** Moves some trackers on from where they were last, by plain SQL, as any other program would. */
  async moveTrackers(keys: readonly string[]): Promise<void> {
    await this.db.query(sqlFile('queries/demo/move-trackers'), [keys]);
  }
}
