import type { TestReport } from '../../test/support/history-oracle.js';
import type { ReportMaker, SoakTracker } from './reports.js';

const LARGEST_FILE = 800;
/** Lines that no import takes, each for another reason. */
const GARBAGE = [
  'garbage',
  '{"tracker":"imported 0","timestamp":"2026-01-01T00:00:00Z","latitude":91,"longitude":8}',
  '{"tracker":"nobody","timestamp":"2026-01-01T00:00:00Z","latitude":50,"longitude":8}',
  '{"tracker":"imported 0","latitude":50,"longitude":8}',
];

/** A file of NDJSON. */
export class ImportFile {
  private constructor(
    readonly text: string,
    readonly reports: readonly TestReport[],
    /** Reports that nobody else gives. */
    readonly fresh: number,
    readonly garbage: number,
  ) {}

  /** @param known reports that were acknowledged before: duplicates. */
  static make(
    maker: ReportMaker,
    trackers: readonly SoakTracker[],
    known: readonly TestReport[],
  ): ImportFile {
    const { random } = maker;
    const fresh = maker.reports(1 + random.int(LARGEST_FILE), trackers);
    const old = known.length === 0 ? [] : fresh.slice(0, 5).map(() => random.pick(known));
    const wrong = random.oneIn(3) ? GARBAGE : [];
    const twice = fresh.slice(0, random.int(3));
    const reports = random.shuffle([...fresh, ...old, ...twice]);
    // The first line tells what format the file has: without a report there nothing of it is taken.
    const [first, ...others] = reports.map(lineOf);
    return new ImportFile(
      [first, ...random.shuffle([...others, ...wrong])].join('\n'),
      reports,
      fresh.length,
      wrong.length,
    );
  }

  /** Of these reports alone. */
  static of(reports: readonly TestReport[]): ImportFile {
    return new ImportFile(reports.map(lineOf).join('\n'), reports, reports.length, 0);
  }

  get lines(): number {
    return this.reports.length + this.garbage;
  }
}

function lineOf(report: TestReport): string {
  const { key, at, accuracy, city, ...others } = report;
  return JSON.stringify({
    hashedAdvKey: key,
    timestamp: at.toISOString(),
    horizontalAccuracy: accuracy,
    nearestCity: city,
    ...others,
  });
}
