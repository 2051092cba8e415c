import { Injectable } from '@nestjs/common';

/** State of a loop, by its last heartbeat. */
export interface LoopState {
  name: string;
  /** False if its next heartbeat is overdue. */
  alive: boolean;
  /** Time since its last heartbeat, in milliseconds. */
  ageMs: number;
}

/** The handle with which a loop reports that it is still running. */
export interface Heartbeat {
  /**
   * Call it at the start or end of a pass.
   *
   * @param withinMs time until the next beat; default: the loop's usual time.
   */
  beat(withinMs?: number): void;
}

/**
 * The loops of this process and whether they are still running, for `/health/live`. A process may be up while
 * one of its loops hangs, so every loop reports its passes here:
 *
 * ```ts
 * private readonly heartbeat = liveness.loop('jobs', 180_000); // once
 * this.heartbeat.beat(); // at every pass, also a failed one: a restart does not repair a database
 * ```
 */
@Injectable()
export class LivenessRegistry {
  private readonly beats = new Map<string, { at: number; dueAt: number }>();

  /** Registers a loop; counts as its first beat. @param maxAgeMs longest time between two beats. */
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

  /** Milliseconds of a monotonic clock. */
  now(): number {
    return performance.now();
  }
}
