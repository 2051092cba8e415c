import type { TestReport } from '../../test/support/history-oracle.js';
import type { ReportMaker, SoakTracker } from './reports.js';

const MAX_NEW_REPORTS = 800;
/** Lines that every import rejects, each for another reason. */
const INVALID_LINES = [
  'garbage',
  '{"tracker":"imported 0","timestamp":"2026-01-01T00:00:00Z","latitude":91,"longitude":8}',
  '{"tracker":"nobody","timestamp":"2026-01-01T00:00:00Z","latitude":50,"longitude":8}',
  '{"tracker":"imported 0","latitude":50,"longitude":8}',
];

/** An NDJSON file. */
export class ImportFile {
  private constructor(
    readonly text: string,
    readonly reports: readonly TestReport[],
    /** Number of reports that no other client sends. */
    readonly newReports: number,
    readonly invalidLines: number,
  ) {}

  /** Creates a file of new reports, duplicates and invalid lines. @param known acknowledged reports, for duplicates. */
  static create(
    maker: ReportMaker,
    trackers: readonly SoakTracker[],
    known: readonly TestReport[],
  ): ImportFile {
    const { random } = maker;
    const newReports = maker.reports(1 + random.int(MAX_NEW_REPORTS), trackers);
    const knownReports = known.length === 0 ? [] : newReports.slice(0, 5).map(() => random.pick(known));
    const invalidLines = random.oneIn(3) ? INVALID_LINES : [];
    const repeated = newReports.slice(0, random.int(3));
    const reports = random.shuffle([...newReports, ...knownReports, ...repeated]);
    // The format is detected by the first line, so it must be a report.
    const [first, ...others] = reports.map(lineOf);
    return new ImportFile(
      [first, ...random.shuffle([...others, ...invalidLines])].join('\n'),
      reports,
      newReports.length,
      invalidLines.length,
    );
  }

  /** Creates a file of exactly these new reports. */
  static of(reports: readonly TestReport[]): ImportFile {
    return new ImportFile(reports.map(lineOf).join('\n'), reports, reports.length, 0);
  }

  get lines(): number {
    return this.reports.length + this.invalidLines;
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
