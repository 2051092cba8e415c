import { setTimeout as sleep } from 'node:timers/promises';
import { insertReports } from '../../test/support/reports.js';
import type { SoakContext } from './context.js';
import type { UncommittedReport } from './importers.js';

const MAX_OPEN_MS = 4 * 60_000;
/** Start and duration of the transaction, as parts of the soak. */
const START = 0.2;
const DURATION = 0.35;
/** Time from the INSERT to the import of the same report. */
const IMPORT_AFTER_MS = 1000;

/**
 * Inserts a report, leaves the transaction open, and rolls it back minutes later. Meanwhile an import sends the same
 * report: it has to wait, and to count the report in the end.
 */
export async function leaveTransactionOpen(
  context: SoakContext,
  uncommitted: UncommittedReport,
  soakMs: number,
): Promise<void> {
  const { servers, fleet, signal, record } = context;
  await sleep(soakMs * START, undefined, { signal });
  const report = context.reportMaker(50).report(fleet.imported.slice(0, 1));
  const client = await servers.observe();
  try {
    await client.query('BEGIN');
    await insertReports(client, [report]);
    record.count('transactions left open');
    await sleep(IMPORT_AFTER_MS, undefined, { signal });
    uncommitted.report = report;
    await sleep(Math.min(MAX_OPEN_MS, soakMs * DURATION), undefined, { signal });
    await client.query('ROLLBACK');
  } finally {
    await client.end();
  }
}
