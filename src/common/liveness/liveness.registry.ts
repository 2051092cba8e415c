import { Injectable } from '@nestjs/common';

/** What a loop was last heard to say. */
export interface LoopState {
  name: string;
  /** Whether its next sign of life is not overdue. */
  alive: boolean;
  /** Time since its last sign of life, in milliseconds. */
  ageMs: number;
}

/** A loop's own end: it says here that it goes round. */
export interface Heartbeat {
  /** A pass is done, or begins. @param withinMs when the next beat is due, where that is not the usual time. */
  beat(withinMs?: number): void;
}

/**
 * Who works in this process, and whether they still do: `/health/live` asks it. A process that is "up" may have stopped
 * working long ago, so every loop reports its passes here, with one line:
 *
 * ```ts
 * private readonly heartbeat = liveness.loop('jobs', 180_000); // once
 * this.heartbeat.beat(); // at every pass, also at one that failed: a restart mends no database
 * ```
 */
@Injectable()
export class LivenessRegistry {
  private readonly beats = new Map<string, { at: number; dueAt: number }>();

  /** Announces a loop, which counts as its first beat. @param maxAgeMs longest time between two beats. */
  loop(name: string, maxAgeMs: number): Heartbeat {
    const beat = (withinMs = maxAgeMs): void => {
      const at = this.now();
      this.beats.set(name, { at, dueAt: at + withinMs });
    };
    beat();
    return { beat };
  }

  loops(): LoopState[] {
    const now = this.now();
    return [...this.beats].map(([name, { at, dueAt }]) => ({
      name,
      alive: now <= dueAt,
      ageMs: Math.round(now - at),
    }));
  }

  /** Milliseconds of a clock that nobody sets. */
  now(): number {
    return performance.now();
  }
}
