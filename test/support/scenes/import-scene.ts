import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import type { AppConfig } from '../../../src/config/app-config.js';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { ImportModule } from '../../../src/import/import.module.js';
import { ImportRetryService } from '../../../src/import/import-retry.service.js';
import { ImportService } from '../../../src/import/import.service.js';
import type {
  RejectedItem,
  ReportSource,
  SourceBatch,
  SourceReport,
} from '../../../src/import/report-source.js';
import { at, type TestReport } from '../history-oracle.js';
import { Api, openModule } from '../application.js';
import { historyToday } from '../history.js';
import { TestDatabase } from '../test-database.js';

/** An importer like a separate process, with its own connections and owner name. */
export class Importer {
  private constructor(private readonly context: INestApplicationContext) {}

  /** @param config overrides of `db.config`, e.g. a small `IMPORT_BATCH_SIZE`. */
  static async start(db: TestDatabase, config: Partial<AppConfig> = {}): Promise<Importer> {
    return new Importer(await openModule(db, ImportModule, { ...db.config, ...config }));
  }

  get imports(): ImportService {
    return this.context.get(ImportService);
  }

  get quarantine(): ImportRetryService {
    return this.context.get(ImportRetryService);
  }

  stop(): Promise<void> {
    return this.context.close();
  }
}

/** A source that yields a list of batches. */
export class ListSource implements ReportSource {
  readonly format = 'list';

  /** @param failure thrown after the last batch. */
  constructor(
    private readonly list: readonly SourceBatch[],
    private readonly failure?: Error,
  ) {}

  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    await Promise.resolve();
    yield* this.list;
    if (this.failure) throw this.failure;
  }
}

export const source = (...batches: SourceBatch[]): ListSource => new ListSource(batches);

export function batch(reports: readonly SourceReport[], rejected: readonly RejectedItem[] = []): SourceBatch {
  return { reports, rejected };
}

/** An item that is not a report. */
export function garbage(position: number): RejectedItem {
  return {
    position,
    reason: 'undecodable',
    message: `line ${position} is not a report`,
    rawText: `{${position}`,
  };
}

/** Report number `i` of a walk that began yesterday at 06:00 UTC, with one report per second. */
export function walkReport(
  today: Date,
  tracker: string,
  i: number,
  more: Partial<SourceReport> = {},
): SourceReport {
  return {
    position: i + 1,
    tracker,
    timestamp: new Date(at(today, -1, '06:00:00').getTime() + i * 1000).toISOString(),
    latitude: 50 + i / 10_000,
    longitude: 8,
    ...more,
  };
}

export function walkReports(today: Date, tracker: string, length: number, from = 0): SourceReport[] {
  return Array.from({ length }, (_, i) => walkReport(today, tracker, from + i));
}

/** Converts reports to the oracle's form. */
export function testReports(key: string, reports: readonly SourceReport[]): TestReport[] {
  return reports.map(({ timestamp, latitude, longitude }) => ({
    key,
    at: new Date(timestamp),
    latitude,
    longitude,
  }));
}

/** A row of import_runs. */
export type LedgerRow = Record<string, unknown>;

/** Rows of import_runs, oldest first. */
export function ledgerRows(db: TestDatabase): Promise<LedgerRow[]> {
  return db.query(`SELECT id::text, kind, name, format, outcome, read, stored, late, duplicate, rejected, reports_given,
    items_given, last_position, resumed, owner, error_code FROM import_runs ORDER BY id`);
}

/** Options of an import scene. */
interface ImportSceneOptions {
  /** Environment variables of the database, e.g. `DAILY_RETENTION_DAYS`. */
  env?: Record<string, string>;
  /** Configuration of the importer; without it, none is started. */
  importer?: Partial<AppConfig>;
  /** Whether to start the application. */
  api?: boolean;
  /** Name of the tracker of each test; by default its key. */
  tracker?: string;
}

/**
 * A database for imports, with an importer or the application. Each test starts with one new tracker and no import
 * runs. Create it inside `describe`, because it registers hooks.
 */
export class ImportScene {
  db!: TestDatabase;
  importer!: Importer;
  api!: Api;
  /** See historyToday(). */
  today!: Date;
  /** Key of the tracker of the running test. */
  key = '';
  private tests = 0;

  constructor(engine: HistoryEngine, { env = {}, importer, api, tracker }: ImportSceneOptions = {}) {
    beforeAll(async () => {
      this.db = await TestDatabase.create(engine, { env });
      if (importer) this.importer = await Importer.start(this.db, importer);
      if (api) this.api = await Api.start(this.db);
      this.today = await historyToday(this.db);
    });
    afterAll(async () => {
      if (importer) await this.importer.stop();
      if (api) await this.api.stop();
      await this.db.drop();
    });
    beforeEach(async () => {
      await this.db.query('DELETE FROM trackers');
      await this.db.query('DELETE FROM import_runs');
      this.key = `key ${++this.tests}`;
      await this.db.register(tracker ?? this.key, this.key);
    });
  }

  /** Report number `i` of the tracker's walk. */
  readonly report = (i: number, more: Partial<SourceReport> = {}): SourceReport =>
    walkReport(this.today, this.key, i, more);

  /** `length` reports of the tracker's walk. */
  readonly walk = (length: number, from = 0): SourceReport[] =>
    walkReports(this.today, this.key, length, from);

  /** Converts reports of the tracker to the oracle's form. */
  readonly tested = (reports: readonly SourceReport[]): TestReport[] => testReports(this.key, reports);

  readonly runs = (): Promise<LedgerRow[]> => ledgerRows(this.db);
}
