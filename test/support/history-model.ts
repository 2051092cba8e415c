import { reportWithCity, shownReport, type TestReport } from './history-oracle.js';

const DAY = 24 * 3_600_000;

/** What the database was told, kept as plain reports: the oracle's input after updates, deletions and closed days. */
export class HistoryModel {
  /** In the order in which they came in. */
  reports: TestReport[] = [];

  constructor(public horizon: Date) {}

  /** The first of a tracker and millisecond counts. */
  add(reports: readonly TestReport[]): void {
    const known = new Set(this.reports.map(identity));
    for (const report of reports) {
      if (known.has(identity(report))) continue;
      known.add(identity(report));
      this.reports.push({ ...report });
    }
  }

  raw(): TestReport[] {
    return this.reports.filter(({ at }) => at >= this.horizon);
  }

  /** UPDATE location_reports SET ... */
  updateRaw(key: string, from: Date, to: Date, change: Partial<TestReport>): void {
    for (const report of this.raw()) {
      if (report.key === key && report.at >= from && report.at <= to) Object.assign(report, change);
    }
  }

  /** DELETE FROM location_reports ... */
  deleteRaw(key: string, from: Date, to: Date): void {
    this.reports = this.reports.filter(
      ({ key: k, at }) => !(k === key && at >= this.horizon && at >= from && at <= to),
    );
  }

  /** update_nearest_city(): of a day without raw reports only the shown report and the one with its city are known. */
  updateCity(key: string, from: Date, to: Date, city: string): void {
    this.updateRaw(key, from, to, { city });
    const days = new Map<number, TestReport[]>();
    for (const report of this.reports) {
      if (report.key !== key || report.at >= this.horizon) continue;
      const day = Math.floor(report.at.getTime() / DAY);
      days.set(day, [...(days.get(day) ?? []), report]);
    }
    for (const reports of days.values()) {
      const known = [shownReport(reports), reportWithCity(reports)];
      const renamed = known.find((report) => report && report.at >= from && report.at <= to);
      if (renamed) renamed.city = city;
    }
  }
}

function identity({ key, at }: TestReport): string {
  return `${key} ${at.getTime()}`;
}
