import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LivenessRegistry } from './liveness.registry.js';

describe('LivenessRegistry', () => {
  let liveness: LivenessRegistry;
  let now: number;
  const alive = (): Record<string, boolean> =>
    Object.fromEntries(liveness.loops().map((loop) => [loop.name, loop.alive]));

  beforeEach(() => {
    liveness = new LivenessRegistry();
    now = 5_000;
    jest.spyOn(liveness, 'now').mockImplementation(() => now);
  });

  it('has no loops at first', () => {
    expect(liveness.loops()).toEqual([]);
  });

  it('reports a loop as alive until its next beat is overdue', () => {
    const heartbeat = liveness.loop('poll', 1_000);
    now += 1_000;
    expect(liveness.loops()).toEqual([{ name: 'poll', alive: true, ageMs: 1_000 }]);
    now += 1;
    expect(liveness.loops()).toEqual([{ name: 'poll', alive: false, ageMs: 1_001 }]);
    heartbeat.beat();
    expect(liveness.loops()).toEqual([{ name: 'poll', alive: true, ageMs: 0 }]);
  });

  it('allows a longer time for one pass', () => {
    const heartbeat = liveness.loop('refresh', 1_000);
    heartbeat.beat(60_000);
    now += 60_000;
    expect(alive()).toEqual({ refresh: true });
    heartbeat.beat();
    now += 1_001;
    expect(alive()).toEqual({ refresh: false });
  });

  it('tracks each loop separately', () => {
    liveness.loop('slow', 10_000);
    const fast = liveness.loop('fast', 100);
    now += 101;
    expect(alive()).toEqual({ slow: true, fast: false });
    now += 9_900;
    fast.beat();
    expect(alive()).toEqual({ slow: false, fast: true });
  });
});
