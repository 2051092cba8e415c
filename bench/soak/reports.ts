import { createHash } from 'node:crypto';
import type { TestReport } from '../../test/support/history-oracle.js';
import { Random } from '../../test/support/random.js';
import type { Servers } from './servers.js';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const CITIES = ['London', 'Łódź', "L'Aquila", 'Tōkyō'];

/**
 * Number of trackers by the way that their reports are sent: INSERT, files, phone apps, and INSERT for trackers that
 * subscribers watch. Reports contain a city, so that the oracle knows it; only those of phones are geocoded.
 */
const KINDS = { written: 24, imported: 24, phone: 16, live: 12 } as const;
export type TrackerKind = keyof typeof KINDS;

export interface SoakTracker {
  id: string;
  name: string;
  key: string;
  kind: TrackerKind;
}

export type Fleet = Record<TrackerKind, SoakTracker[]>;

export async function registerFleet(servers: Servers): Promise<Fleet> {
  const fleet: Fleet = { written: [], imported: [], phone: [], live: [] };
  for (const kind of Object.keys(KINDS) as TrackerKind[]) {
    for (let i = 0; i < KINDS[kind]; i++) {
      const name = kind === 'phone' ? `soak/phone ${i}` : `${kind} ${i}`;
      const key = createHash('sha256').update(name).digest('base64');
      const [row] = await servers.query<{ id: string }>(
        'INSERT INTO trackers (name, hashed_adv_key) VALUES ($1, $2) RETURNING id::text',
        [name, key],
      );
      fleet[kind].push({ id: row?.id ?? '', name, key, kind });
    }
  }
  return fleet;
}

/** Generates reports for one client. No two clients generate reports of the same tracker and millisecond. */
export class ReportMaker {
  readonly random: Random;

  /** @param used tracker and millisecond of all generated reports; shared by all clients. */
  constructor(
    seed: number,
    private readonly used: Set<string>,
  ) {
    this.random = new Random(seed);
  }

  /** A report, mostly of the last hour, sometimes of the last day, and sometimes a late one. */
  report(trackers: readonly SoakTracker[]): TestReport {
    const age = this.random.pick([HOUR, HOUR, HOUR, HOUR, HOUR, HOUR, DAY, DAY, DAY, 60 * DAY]);
    const newest = age > DAY ? 4 * DAY : 0;
    const now = Date.now();
    for (;;) {
      const { key } = this.random.pick(trackers);
      const report = this.random.report([key], new Date(now - newest - age), new Date(now - newest));
      if (this.claim(report)) return { ...report, city: this.random.pick(CITIES) };
    }
  }

  reports(count: number, trackers: readonly SoakTracker[]): TestReport[] {
    return Array.from({ length: count }, () => this.report(trackers));
  }

  /** A report of a phone app: whole seconds, and no city. */
  phoneReport(trackers: readonly SoakTracker[]): TestReport {
    for (;;) {
      const { key, at, latitude, longitude } = this.random.report(
        trackers.map((tracker) => tracker.key),
        new Date(Date.now() - (this.random.oneIn(10) ? 20 * DAY : DAY)),
        new Date(),
      );
      const report: TestReport = {
        key,
        at: new Date(Math.floor(at.getTime() / SECOND) * SECOND),
        latitude,
        longitude,
        accuracy: this.random.int(50),
        battery: 1 + this.random.int(100),
      };
      if (this.claim(report)) return report;
    }
  }

  /** The next report of a tracker whose reports are sent in time order. */
  liveReport({ key }: SoakTracker): TestReport {
    for (;;) {
      const report = this.random.report([key], new Date(), new Date(Date.now() + 1));
      if (this.claim(report)) return { ...report, city: this.random.pick(CITIES) };
    }
  }

  private claim({ key, at, latitude, longitude }: TestReport): boolean {
    const identity = `${key.slice(0, 8)}${at.getTime()}`;
    if (this.used.has(identity) || (latitude === 0 && longitude === 0)) return false;
    this.used.add(identity);
    return true;
  }
}
