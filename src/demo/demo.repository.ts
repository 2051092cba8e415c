import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';

/** The queries of the demo. */
@Injectable()
export class DemoRepository {
  constructor(private readonly db: DataSource) {}

  /** Runs the script that operators can also run by hand. */
  async loadMockReports(): Promise<void> {
    await this.db.query(sqlFile('mock_location_reports_europe'));
  }

  /** Inserts a report of each tracker, near its latest one, with plain SQL, as any other program could. */
  async moveTrackers(keys: readonly string[]): Promise<void> {
    await this.db.query(sqlFile('queries/demo/move-trackers'), [keys]);
  }
}
