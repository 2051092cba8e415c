import { MOTIONS, type TestReport, utcDay } from './history-oracle.js';

/** Pseudo-random numbers; the same seed returns the same numbers, so that a failure can be repeated. */
export class Random {
  constructor(private state: number) {}

  /** At least 0, less than 1. Source: mulberry32, public domain. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T;
  }

  /** Returns true once in `n` calls, on average. */
  oneIn(n: number): boolean {
    return this.int(n) === 0;
  }

  shuffle<T>(list: readonly T[]): T[] {
    const shuffled = [...list];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  /** A report of one of these keys in [from, to), with a random choice of optional fields. */
  report(keys: readonly string[], from: Date, to: Date): TestReport {
    const at = new Date(from.getTime() + this.int(to.getTime() - from.getTime()));
    return {
      key: this.pick(keys),
      at,
      latitude: this.int(180_000) / 1000 - 90,
      longitude: this.int(360_000) / 1000 - 180,
      ...(this.oneIn(2) && { confidence: this.pick([0, 1, 2, 3, 100, 255]) }),
      ...(this.oneIn(2) && { accuracy: this.oneIn(4) ? 1001 + this.int(50_000) : this.int(1000) / 8 }),
      ...(this.oneIn(4) && { city: this.pick(['London', 'Łódź', "L'Aquila", 'Tōkyō']) }),
      ...(this.oneIn(3) && { altitude: this.int(90_000) / 8 - 400 }),
      ...(this.oneIn(3) && { speed: this.int(8000) / 8 }),
      ...(this.oneIn(3) && { course: this.int(2880) / 8 }),
      ...(this.oneIn(3) && { battery: this.int(101) }),
      ...(this.oneIn(3) && { motion: this.pick(MOTIONS) }),
    };
  }

  /** `count` reports of different times, in random order. */
  reports(count: number, keys: readonly string[], from: Date, to: Date): TestReport[] {
    const reports = new Map<string, TestReport>();
    while (reports.size < count) {
      const report = this.report(keys, from, to);
      reports.set(`${report.key} ${report.at.getTime()}`, report);
    }
    return [...reports.values()];
  }
}

/** Reports of a tracker from `days` days ago until now, at random times and positions. */
export function randomReports(key: string, today: Date, days: number, count: number): TestReport[] {
  return new Random(key.length * 7919 + count).reports(count, [key], utcDay(today, -days), new Date());
}
