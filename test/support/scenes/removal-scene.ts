import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { describeOnEveryEngine } from '../engines.js';
import { guardOf } from '../services.js';
import type { HistoryGuardService, HistoryLoss } from '../../../src/history-guard/history-guard.service.js';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { at, type DetailedRow, type TestReport } from '../history-oracle.js';
import { ingestReports } from '../reports.js';
import { historyToday, keepRaw, LONG_RAW_RETENTION, maintain, readHistory } from '../history.js';
import { TestDatabase } from '../test-database.js';

const KEYS = ['a', 'b', 'c'];
/** Number of reports per tracker and day. */
export const A_DAY = 12;
export const PER_DAY = KEYS.length * A_DAY;
/** Drops the raw reports of $open. */
export const DROPS: Record<HistoryEngine, string> = {
  postgresql: 'DROP TABLE $partition',
  timescaledb: `SELECT drop_chunks('location_reports', newer_than => '$open'::timestamptz, older_than => '$open'::timestamptz + interval '24 hours')`,
};

/**
 * Runs tests on every engine, all on one scene. Its history is complete before each test and must be complete after it.
 *
 * @param tests receives the engine, and a function that returns the scene inside of tests.
 */
export function describeRemovedHistory(
  name: string,
  tests: (engine: HistoryEngine, scene: () => RemovalScene) => void,
): void {
  describeOnEveryEngine(name, (engine) => {
    let scene: RemovalScene;
    beforeAll(async () => {
      scene = await RemovalScene.create(engine);
    });
    afterAll(() => scene.db.drop());
    beforeEach(async () => {
      expect((await scene.check()).problems).toEqual([]);
    });
    tests(engine, () => scene);
  });
}

/** A database with closed and open days, whose history the tests remove by hand. */
export class RemovalScene {
  private constructor(
    readonly engine: HistoryEngine,
    readonly db: TestDatabase,
    private readonly today: Date,
    /** All ingested reports. */
    readonly reports: readonly TestReport[],
    /** The complete history. */
    readonly before: DetailedRow[],
  ) {}

  static async create(engine: HistoryEngine): Promise<RemovalScene> {
    const db = await TestDatabase.create(engine, { env: LONG_RAW_RETENTION });
    for (const key of KEYS) await db.register(key);
    const today = await historyToday(db);
    const reports: TestReport[] = [];
    for (const key of KEYS) {
      for (let d = -6; d <= -1; d++) {
        for (let i = 0; i < A_DAY; i++) {
          const moment = new Date(at(today, d, '01:00:00').getTime() + i * 3_600_000);
          reports.push({ key, at: moment, latitude: 40 + i, longitude: 7 + d });
        }
      }
    }
    await ingestReports(db, reports);
    await db.settle();
    await keepRaw(db, 2);
    await maintain(db);
    // A late report, with the latest time of its day.
    const late = { key: 'b', at: at(today, -4, '23:59:00'), latitude: 1, longitude: 2 };
    reports.push(late);
    await ingestReports(db, [late]);
    return new RemovalScene(engine, db, today, reports, await readHistory(db));
  }

  get guard(): HistoryGuardService {
    return guardOf(this.db);
  }

  /** Runs the hourly check. */
  check(): Promise<HistoryLoss> {
    return this.guard.check();
  }

  /** Midnight (UTC) of the day that is `days` after today. */
  day(days: number): string {
    return at(this.today, days, '00:00:00').toISOString();
  }

  /** The open day whose raw reports the tests remove, as YYYY-MM-DD. */
  get openDay(): string {
    return this.day(-1).slice(0, 10);
  }

  /**
   * Replaces the placeholders of a statement: $day is a closed day, $next the day after it, $open a day with raw
   * reports, $partition its partition.
   */
  fillIn(sql: string): string {
    return sql
      .replaceAll('$partition', `location_reports_${this.openDay.replaceAll('-', '')}`)
      .replaceAll('$day', this.day(-4))
      .replaceAll('$next', this.day(-3))
      .replaceAll('$open', this.day(-1));
  }

  /** Drops the raw reports of an open day without the product's functions. */
  async drop(): Promise<void> {
    await this.makePartitions();
    await this.db.query(this.fillIn(DROPS[this.engine]));
  }

  /** Creates missing partitions; until then, reports of a dropped partition are in the default one. */
  async makePartitions(): Promise<void> {
    await maintain(this.db);
  }

  importAgain(): Promise<Record<string, number>> {
    return ingestReports(this.db, this.reports);
  }

  history(): Promise<DetailedRow[]> {
    return readHistory(this.db);
  }
}
