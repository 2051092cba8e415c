import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SingleFlight } from './single-flight.js';

const RUN_MS = 100;
const GAP_MS = 1000;

describe('SingleFlight', () => {
  /** When runs began and ended, in milliseconds of the fake clock. */
  let began: number[];
  let ended: number[];
  let gapAfter: jest.Mock<(durationMs: number) => number>;
  let flight: SingleFlight;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    began = [];
    ended = [];
    gapAfter = jest.fn(() => GAP_MS);
    flight = new SingleFlight(async () => {
      began.push(Date.now());
      await new Promise((resolve) => setTimeout(resolve, RUN_MS));
      ended.push(Date.now());
    }, gapAfter);
  });
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const advance = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
  const runAll = (): Promise<void> => jest.runAllTimersAsync();

  it('does nothing until it is poked', async () => {
    await advance(60_000);
    expect(began).toEqual([]);
  });

  it('runs at once at the first poke, and once only', async () => {
    flight.poke();
    expect(began).toEqual([0]);
    await runAll();
    expect(began).toEqual([0]);
  });

  it('runs twice for a burst: for its first poke, and for all others', async () => {
    for (let i = 0; i < 1000; i++) flight.poke();
    await runAll();
    expect(began).toHaveLength(2);
  });

  it('runs once more after a run in which it was poked', async () => {
    flight.poke();
    await advance(RUN_MS / 2);
    flight.poke();
    flight.poke();
    await runAll();
    expect(began).toEqual([0, RUN_MS + GAP_MS]);
  });

  it('waits for the gap that gapAfter() returns for the duration of a run', async () => {
    flight.poke();
    await advance(RUN_MS);
    flight.poke(); // in the gap
    await advance(GAP_MS - 1);
    expect(began).toEqual([0]);
    await advance(1);
    expect(began).toEqual([0, RUN_MS + GAP_MS]);
    await runAll();
    expect(gapAfter.mock.calls).toEqual([[RUN_MS], [RUN_MS]]);
  });

  it('runs at once again when the gap is over', async () => {
    flight.poke();
    await runAll();
    const later = Date.now() + 5;
    await advance(5);
    flight.poke();
    expect(began).toEqual([0, later]);
    await runAll();
  });

  it('needs no gap', async () => {
    gapAfter.mockReturnValue(0);
    flight.poke();
    flight.poke();
    await runAll();
    expect(began).toEqual([0, RUN_MS]);
  });

  it('waits for the current run when it is drained, and starts no other', async () => {
    flight.poke();
    flight.poke();
    let drained = false;
    const drain = flight.drain().then(() => (drained = true));
    await advance(RUN_MS - 1);
    expect(drained).toBe(false);
    await advance(1);
    await drain;
    expect(ended).toEqual([RUN_MS]);
    flight.poke();
    await runAll();
    expect(began).toEqual([0]);
  });

  it('does not wait for the gap when it is drained', async () => {
    flight.poke();
    await advance(RUN_MS + 1);
    flight.poke();
    await flight.drain();
    expect(Date.now()).toBe(RUN_MS + 1);
    expect(began).toEqual([0]);
  });

  it('drains at once when nothing runs', async () => {
    await flight.drain();
    await flight.drain();
    expect(Date.now()).toBe(0);
  });
});
