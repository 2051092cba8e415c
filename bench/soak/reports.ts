import { createHash } from 'node:crypto';
import type { TestReport } from '../../test/support/history-oracle.js';
import { Random } from '../../test/support/random.js';
import type { Servers } from './servers.js';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const CITIES = ['London', 'Łódź', "L'Aquila", 'Tōkyō'];

/**
 * Whose reports come which way. Reports of all but phones bring their city, so that the oracle knows it; those of phones
 * get theirs by geocoding.
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

/** Reports for one client; no two clients of a fleet make reports of the same tracker and millisecond. */
export class ReportMaker {
  readonly random: Random;

  /** @param used tracker and millisecond of all reports that were made; shared by all clients. */
  constructor(
    seed: number,
    private readonly used: Set<string>,
  ) {
    this.random = new Random(seed);
  }

  /** Mostly of the last hour, some of yesterday, and some too late for raw reports. */
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

  /** What the apps on phones say: whole seconds, and no city. */
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

  /** The next of a tracker whose reports come in the order of their times. */
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
