import { expect } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { FetchService } from '../../src/find-my/fetch.service.js';
import { FindMyModule } from '../../src/find-my/find-my.module.js';
import { KeyImportService } from '../../src/tracker-keys/key-import.service.js';
import { KeyImportModule } from '../../src/tracker-keys/key-import.module.js';
import { FakeFindMy } from './fake-find-my.js';
import { openFeature } from './feature.js';
import { ENCRYPTION_KEY, fetchingFrom } from './find-my.js';
import { aDevice, type KeyPair } from './key-files.js';
import { TestDatabase } from './test-database.js';

/** A database, a fake endpoint of each test's own, and fetchers as of several processes. */
export class FetchScene {
  fake!: FakeFindMy;
  private readonly fetchers: INestApplicationContext[] = [];

  private constructor(
    readonly db: TestDatabase,
    private readonly keys: INestApplicationContext,
  ) {}

  static async create(engine: HistoryEngine): Promise<FetchScene> {
    const db = await TestDatabase.create(engine);
    const keys = await openFeature(db, KeyImportModule, { TRACKER_KEY_ENCRYPTION_KEY: ENCRYPTION_KEY });
    return new FetchScene(db, keys);
  }

  /** Before each test: no trackers, no raw reports, no runs. Daily history stays, so tests that look at it take other keys. */
  async begin(): Promise<void> {
    this.fake = await FakeFindMy.start();
    for (const table of ['trackers', 'import_runs', 'location_reports'])
      await this.db.query(`DELETE FROM ${table}`);
    await this.db.query('UPDATE find_my_pace SET next_call_at = now()');
  }

  /** After each test. */
  async end(): Promise<void> {
    await Promise.all(this.fetchers.splice(0).map((context) => context.close()));
    await this.fake.stop();
  }

  async drop(): Promise<void> {
    await this.keys.close();
    await this.db.drop();
  }

  /** Another process that fetches. */
  async aFetcher(env: Record<string, string> = {}): Promise<FetchService> {
    const context = await openFeature(this.db, FindMyModule, { ...fetchingFrom(this.fake), ...env });
    this.fetchers.push(context);
    return context.get(FetchService);
  }

  async register(...devices: Record<string, unknown>[]): Promise<void> {
    const text = JSON.stringify(devices);
    for await (const { outcome } of this.keys.get(KeyImportService).import(text))
      expect(outcome).toBe('registered');
  }

  /** Trackers of a key each: "Tracker 0" and so on. */
  registerEach(pairs: readonly KeyPair[]): Promise<void> {
    return this.register(...pairs.map((pair, i) => aDevice(`Tracker ${i}`, [pair])));
  }

  /** Nothing is wanted, nothing leased. */
  async expectNothingLeft(): Promise<void> {
    expect(
      await this.db.query(
        'SELECT * FROM tracker_fetches WHERE wanted_at IS NOT NULL OR lease IS NOT NULL OR in_round',
      ),
    ).toEqual([]);
  }
}

/** So many minutes ago, to the second, as reports are. */
export function ago(minutes: number): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 - minutes * 60_000);
}
