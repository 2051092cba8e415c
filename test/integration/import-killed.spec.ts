import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { Importer } from '../support/scenes/import-scene.js';
import { RunningProduct, runCli } from '../support/processes.js';
import { Random } from '../support/random.js';
import { historyToday, readHistory } from '../support/history.js';
import { at } from '../support/history-oracle.js';
import { TestDatabase } from '../support/test-database.js';

const REPORTS = 200_000;
const KILLS = 20;
const TRACKERS = 40;
const SEED = 20_251_125;
/** Small enough that twenty kills do not reach the end of the file. */
const BATCH = 4000;

/** Reports of all ages and of known and unknown trackers, some of them twice, and some invalid lines. */
function* lines(random: Random, today: Date): Generator<string> {
  const from = at(today, -1, '00:00:00').getTime();
  const old = at(today, -40, '00:00:00').getTime();
  const recent: string[] = [];
  for (let i = 0; i < REPORTS; i++) {
    const kind = random.int(100);
    if (kind === 0) yield '{"garbage":\n';
    else if (kind < 4 && recent.length > 0) yield random.pick(recent);
    else {
      const moment = kind < 14 ? old + random.int(30 * 86_400_000) : from + i * 400 + random.int(400);
      const line = `${JSON.stringify({
        tracker: kind === 14 ? 'nobody' : `tracker ${random.int(TRACKERS)}`,
        timestamp: moment,
        latitude: kind === 15 ? 91 : 50 + random.int(100_000) / 100_000,
        longitude: 8 + random.int(100_000) / 100_000,
        confidence: random.int(4),
      })}\n`;
      if (random.oneIn(20)) recent[random.int(500) % (recent.length + 1)] = line;
      yield line;
    }
  }
}

interface Ledger {
  outcome: string;
  read: number;
  stored: number;
  late: number;
  duplicate: number;
  rejected: number;
  rejections: unknown;
  raw: number;
  identities: number;
}

/** The ledger and the stored reports, from one snapshot. */
const LEDGER = `
  SELECT outcome, read, stored, late, duplicate, rejected,
    (SELECT jsonb_object_agg(reason, reports) FROM import_run_rejections AS j WHERE j.run_id = r.id) AS rejections,
    (SELECT count(*) FROM location_reports) AS raw,
    (SELECT coalesce(sum(cardinality(milliseconds)), 0)::bigint FROM report_identities) AS identities
  FROM import_runs AS r`;

describeOnEveryEngine('an import that is killed repeatedly', (engine) => {
  let killed: TestDatabase;
  let undisturbed: TestDatabase;
  let folder = '';
  let file = '';
  const running: RunningProduct[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'import-killed-'));
    file = join(folder, 'reports.ndjson');
    [killed, undisturbed] = [await TestDatabase.create(engine), await TestDatabase.create(engine)];
    for (const db of [killed, undisturbed]) {
      await db.query(
        `INSERT INTO trackers (name, hashed_adv_key) SELECT 'tracker ' || i, 'key ' || i FROM generate_series(0, $1 - 1) AS i`,
        [TRACKERS],
      );
    }
    const content = lines(new Random(SEED), await historyToday(killed));
    await pipeline(Readable.from(content), createWriteStream(file));
  });
  afterAll(async () => {
    for (const product of running) await product.destroy();
    await killed.drop();
    await undisturbed.drop();
    rmSync(folder, { recursive: true });
  });

  const env = (): Record<string, string> => ({ DATABASE_URL: killed.url, IMPORT_BATCH_SIZE: String(BATCH) });
  const ledgers = (db: TestDatabase): Promise<Ledger[]> => db.query(LEDGER);

  it(`resumes each time, and ends as if it had not been killed (seed ${SEED})`, async () => {
    const random = new Random(SEED + 1);
    const reached: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const product = RunningProduct.cli(['import', file], env());
      running.push(product);
      // At any point: while it starts, hashes or skips, or in the middle of a batch or a commit.
      if (random.oneIn(5)) await sleep(random.int(800));
      else {
        await product.waitForOutput(/reports read/, 60_000);
        await sleep(random.int(150));
      }
      expect((await product.end('SIGKILL')).code).toBeNull();
      const [run, ...others] = await ledgers(killed);
      expect(others).toEqual([]); // always the same run
      if (!run) continue;
      expect(run.stored + run.late + run.duplicate + run.rejected).toBe(run.read);
      expect({ raw: run.raw, identities: run.identities }).toEqual({ raw: run.stored, identities: run.late });
      reached.push(run.read);
    }
    expect(reached.at(-1)).toBeLessThan(REPORTS);
    expect(new Set(reached).size).toBeGreaterThan(KILLS / 3);

    const end = await runCli(['import', file], env());
    expect(end.stderr).not.toMatch(/Error/);
    expect(end.stdout).toContain(`${REPORTS} read = `);
    expect(end.stdout).toMatch(/continued after the first \d+/);
    expect(end.code).toBe(0);

    const importer = await Importer.start(undisturbed);
    await importer.imports.importFile(file);
    await importer.stop();
    expect(await ledgers(killed)).toEqual(await ledgers(undisturbed));
    expect(await readHistory(killed)).toEqual(await readHistory(undisturbed));
  }, 600_000);
});
