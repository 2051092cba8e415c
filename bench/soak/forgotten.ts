import { setTimeout as sleep } from 'node:timers/promises';
import { insertReports } from '../../test/support/reports.js';
import type { Scene } from './clients.js';
import type { Bait } from './importers.js';

const LONGEST_MS = 4 * 60_000;
/** Parts of the soak. */
const BEGIN = 0.2;
const LENGTH = 0.35;
/** Between its report and the same one of an import. */
const BAIT_AFTER_MS = 1000;

/**
 * A client that inserts a report, forgets its transaction, and rolls it back minutes later. An import is given the very
 * same report meanwhile: it has to wait, and to count the report in the end.
 */
export async function forgetTransaction(scene: Scene, bait: Bait, soakMs: number): Promise<void> {
  const { servers, fleet, signal, record } = scene;
  await sleep(soakMs * BEGIN, undefined, { signal });
  const report = scene.maker(50).report(fleet.imported.slice(0, 1));
  const client = await servers.observe();
  try {
    await client.query('BEGIN');
    await insertReports(client, [report]);
    record.count('forgotten transactions');
    await sleep(BAIT_AFTER_MS, undefined, { signal });
    bait.report = report;
    await sleep(Math.min(LONGEST_MS, soakMs * LENGTH), undefined, { signal });
    await client.query('ROLLBACK');
  } finally {
    await client.end();
  }
}
