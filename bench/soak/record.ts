import type { TestReport } from '../../test/support/history-oracle.js';

/** The counts of an import, as in its answer and in the ledger. */
export interface Ledger {
  read: number;
  stored: number;
  late: number;
  duplicate: number;
  rejected: number;
}

/** Number of occurrences of one kind, and a description of the first one. */
export interface Occurrences {
  count: number;
  first: string;
}

/** Records the acknowledged reports, counts of events, and failures. */
export class SoakRecord {
  /** In the order of acknowledgement; contains a report twice if it was sent twice. */
  readonly acknowledged: TestReport[] = [];
  /** Number of distinct reports that only imports sent. */
  readonly imported = { files: 0, phones: 0 };
  /** The counts in the answers to imports, by id of the run. */
  readonly ledgers = new Map<string, Ledger>();
  readonly counts = new Map<string, number>();
  readonly failures = new Map<string, Occurrences>();

  /** @param onFailure is called for the first failure of each kind. */
  constructor(private readonly onFailure: (kind: string, detail: string) => void) {}

  acknowledge(reports: readonly TestReport[]): void {
    for (const report of reports) this.acknowledged.push(report);
  }

  count(event: string, by = 1): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + by);
  }

  countOf(event: string): number {
    return this.counts.get(event) ?? 0;
  }

  /** Records something that must not happen; keeps the detail of the first failure of each kind. */
  fail(kind: string, detail: unknown): void {
    const first = `${new Date().toISOString()} ${textOf(detail)}`;
    if (!this.failures.has(kind)) this.onFailure(kind, textOf(detail));
    const occurrences = this.failures.get(kind) ?? { count: 0, first };
    occurrences.count++;
    this.failures.set(kind, occurrences);
  }
}

function describeError(error: Error): string {
  const { code } = error as { code?: unknown };
  return `${error.name}${typeof code === 'string' ? ` ${code}` : ''}: ${error.message}`;
}

export function textOf(detail: unknown): string {
  const text = detail instanceof Error ? describeError(detail) : JSON.stringify(detail);
  return text.slice(0, 600);
}
