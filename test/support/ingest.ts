import { IncomingBatch } from '../../src/import/incoming-batch.js';
import { IngestRepository } from '../../src/import/ingest.repository.js';
import type { Motion } from '../../src/common/telemetry.js';
import type { TestReport } from './history-oracle.js';
import type { TestDatabase } from './test-database.js';

/** What became of a batch, by outcome; outcomes that did not occur are missing. */
export type Ledger = Record<string, number>;

/** Takes reports in as every import does, one batch, without a run that would count it. */
export async function ingestReports(db: TestDatabase, reports: readonly TestReport[]): Promise<Ledger> {
  const batch = new IncomingBatch('test');
  for (const [i, report] of reports.entries()) {
    const { key, at, accuracy, city, motion, ...others } = report;
    batch.add(
      {
        position: i + 1,
        timestamp: at.toISOString(),
        ...others,
        ...(accuracy !== undefined && { horizontalAccuracy: accuracy }),
        ...(city !== undefined && { nearestCity: city }),
        ...(motion !== undefined && { motion: motion as Motion }),
      },
      key,
    );
  }
  const ingest = new IngestRepository(db.dataSource);
  return ingest.transactions.run(async (session) => {
    await ingest.stage(session, batch);
    const outcomes = (await session.query('SELECT outcome, reports::int FROM ingest_reports()')) as {
      outcome: string;
      reports: number;
    }[];
    return Object.fromEntries(outcomes.map(({ outcome, reports: n }) => [outcome, n]));
  });
}

/** Of all ledgers together. */
export function sum(ledgers: readonly Ledger[]): Ledger {
  const total: Ledger = {};
  for (const [outcome, reports] of ledgers.flatMap((one) => Object.entries(one))) {
    total[outcome] = (total[outcome] ?? 0) + reports;
  }
  return total;
}

/** How many reports a ledger accounts for. */
export function given(ledger: Ledger): number {
  return Object.values(ledger).reduce((total, reports) => total + reports, 0);
}
