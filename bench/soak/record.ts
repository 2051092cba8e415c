import type { TestReport } from '../../test/support/history-oracle.js';

/** What an import answered with; as the ledger has it. */
export interface Ledger {
  read: number;
  stored: number;
  late: number;
  duplicate: number;
  rejected: number;
}

/** How often something happened, and how it was the first time. */
export interface Seen {
  count: number;
  first: string;
}

/** What the clients were told, and what went wrong. */
export class SoakRecord {
  /** In the order in which they were acknowledged; a report that was given twice stands here twice. */
  readonly acknowledged: TestReport[] = [];
  /** Reports that only imports gave, each once. */
  readonly imported = { files: 0, phones: 0 };
  /** Messages and batches of phones that were acknowledged, as many as they had reports. */
  phoneReports = 0;
  /** By the id of their runs. */
  readonly answers = new Map<string, Ledger>();
  readonly counts = new Map<string, number>();
  readonly failures = new Map<string, Seen>();

  /** @param onFailure is given the first one of each kind. */
  constructor(private readonly onFailure: (what: string, detail: string) => void) {}

  acknowledge(reports: readonly TestReport[]): void {
    for (const report of reports) this.acknowledged.push(report);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  counted(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** Something that must not happen; `detail` is kept of the first time. */
  fail(what: string, detail: unknown): void {
    const first = `${new Date().toISOString()} ${textOf(detail)}`;
    if (!this.failures.has(what)) this.onFailure(what, textOf(detail));
    const seen = this.failures.get(what) ?? { count: 0, first };
    seen.count++;
    this.failures.set(what, seen);
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
