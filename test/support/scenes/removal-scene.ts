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
/** Reports of each tracker a day. */
export const A_DAY = 12;
export const PER_DAY = KEYS.length * A_DAY;
/** Drops the raw reports of $open. */
export const DROPS: Record<HistoryEngine, string> = {
  postgresql: 'DROP TABLE $partition',
  timescaledb: `SELECT drop_chunks('location_reports', newer_than => '$open'::timestamptz, older_than => '$open'::timestamptz + interval '24 hours')`,
};

/**
 * Runs tests on every engine on one scene, whose history is complete before each test and must be complete after it.
 *
 * @param tests gets the engine, and the scene for use in tests.
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

/** A database with closed and open days, of which history is removed by hand. */
export class RemovalScene {
  private constructor(
    readonly engine: HistoryEngine,
    readonly db: TestDatabase,
    private readonly today: Date,
    /** All reports that it was given. */
    readonly reports: readonly TestReport[],
    /** History as it should be. */
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
    // A late one, later than all others of its day.
    const late = { key: 'b', at: at(today, -4, '23:59:00'), latitude: 1, longitude: 2 };
    reports.push(late);
    await ingestReports(db, [late]);
    return new RemovalScene(engine, db, today, reports, await readHistory(db));
  }

  get guard(): HistoryGuardService {
    return guardOf(this.db);
  }

  /** The findings of the hourly check. */
  check(): Promise<HistoryLoss> {
    return this.guard.check();
  }

  /** Midnight of a day, relative to today. */
  day(days: number): string {
    return at(this.today, days, '00:00:00').toISOString();
  }

  /** The day of which raw reports are removed, as YYYY-MM-DD. */
  get open(): string {
    return this.day(-1).slice(0, 10);
  }

  /**
   * Fills in a statement: $day is a closed day, $next the day after it, $open a day with raw reports, $partition its
   * partition.
   */
  put(sql: string): string {
    return sql
      .replaceAll('$partition', `location_reports_${this.open.replaceAll('-', '')}`)
      .replaceAll('$day', this.day(-4))
      .replaceAll('$next', this.day(-3))
      .replaceAll('$open', this.day(-1));
  }

  /** Drops the raw reports of an open day without the product's functions. */
  async drop(): Promise<void> {
    await this.makePartitions();
    await this.db.query(this.put(DROPS[this.engine]));
  }

  /** Reports of a day whose partition was dropped are in the default partition until then. */
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
