import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type AppConfig } from '../../src/config/app-config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { ImportModule } from '../../src/import/import.module.js';
import { ImportRetryService } from '../../src/import/import-retry.service.js';
import { ImportService } from '../../src/import/import.service.js';
import type {
  RejectedItem,
  ReportSource,
  SourceBatch,
  SourceReport,
} from '../../src/import/report-source.js';
import type { TestReport } from './history-oracle.js';
import { at } from './scenario.js';
import type { TestDatabase } from './test-database.js';

@Module({})
class ImportingModule {
  static register(config: AppConfig, url: string): DynamicModule {
    return {
      module: ImportingModule,
      imports: [ConfigModule.forRoot(config), DatabaseModule.forRoot(config, url), ImportModule],
    };
  }
}

/** A process that imports, as far as the database can tell: with connections and a name of its own. */
export class Importer {
  private constructor(private readonly context: INestApplicationContext) {}

  /** @param config what differs from that of the database, e.g. a small `IMPORT_BATCH_SIZE`. */
  static async start(db: TestDatabase, config: Partial<AppConfig> = {}): Promise<Importer> {
    const module = ImportingModule.register({ ...db.config, ...config }, db.url);
    return new Importer(await NestFactory.createApplicationContext(module, { logger: false }));
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

/** A source of what is at hand. */
export class ListSource implements ReportSource {
  readonly format = 'list';

  /** @param failure what it fails with when all has been given. */
  constructor(
    private readonly given: readonly SourceBatch[],
    private readonly failure?: Error,
  ) {}

  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    await Promise.resolve();
    yield* this.given;
    if (this.failure) throw this.failure;
  }
}

export const source = (...batches: SourceBatch[]): ListSource => new ListSource(batches);

export function batch(reports: readonly SourceReport[], rejected: readonly RejectedItem[] = []): SourceBatch {
  return { reports, rejected };
}

/** Something that is no report. */
export function garbage(position: number): RejectedItem {
  return { position, reason: 'undecodable', message: `line ${position} is none`, given: `{${position}` };
}

/** The i-th report of a walk that began yesterday at six, a second after the one before. */
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

/** Reports of a walk as the oracle of history takes them. */
export function testReports(key: string, reports: readonly SourceReport[]): TestReport[] {
  return reports.map(({ timestamp, latitude, longitude }) => ({
    key,
    at: new Date(timestamp),
    latitude,
    longitude,
  }));
}

/** Rows of import_runs, the oldest first. */
export type LedgerRow = Record<string, unknown>;

export function ledgerRows(db: TestDatabase): Promise<LedgerRow[]> {
  return db.query(`SELECT id::text, kind, name, format, outcome, read, stored, late, duplicate, rejected, reports_given,
    items_given, last_position, resumed, owner, error_code FROM import_runs ORDER BY id`);
}
