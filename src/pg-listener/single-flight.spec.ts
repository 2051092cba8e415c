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

  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
  const quiet = (): Promise<void> => jest.runAllTimersAsync();

  it('does nothing until it is poked', async () => {
    await pass(60_000);
    expect(began).toEqual([]);
  });

  it('runs at once at the first poke, and once only', async () => {
    flight.poke();
    expect(began).toEqual([0]);
    await quiet();
    expect(began).toEqual([0]);
  });

  it('makes two runs of a burst: the first poke of it and all the others', async () => {
    for (let i = 0; i < 1000; i++) flight.poke();
    await quiet();
    expect(began).toHaveLength(2);
  });

  it('runs once more for pokes during a run, after it', async () => {
    flight.poke();
    await pass(RUN_MS / 2);
    flight.poke();
    flight.poke();
    await quiet();
    expect(began).toEqual([0, RUN_MS + GAP_MS]);
  });

  it('keeps the gap, which it asks for with the time that the run took', async () => {
    flight.poke();
    await pass(RUN_MS);
    flight.poke(); // in the gap
    await pass(GAP_MS - 1);
    expect(began).toEqual([0]);
    await pass(1);
    expect(began).toEqual([0, RUN_MS + GAP_MS]);
    await quiet();
    expect(gapAfter.mock.calls).toEqual([[RUN_MS], [RUN_MS]]);
  });

  it('runs at once again when the gap is over', async () => {
    flight.poke();
    await quiet();
    const later = Date.now() + 5;
    await pass(5);
    flight.poke();
    expect(began).toEqual([0, later]);
    await quiet();
  });

  it('needs no gap', async () => {
    gapAfter.mockReturnValue(0);
    flight.poke();
    flight.poke();
    await quiet();
    expect(began).toEqual([0, RUN_MS]);
  });

  it('lets a run that goes on end when it is drained, and begins no other', async () => {
    flight.poke();
    flight.poke();
    let drained = false;
    const drain = flight.drain().then(() => (drained = true));
    await pass(RUN_MS - 1);
    expect(drained).toBe(false);
    await pass(1);
    await drain;
    expect(ended).toEqual([RUN_MS]);
    flight.poke();
    await quiet();
    expect(began).toEqual([0]);
  });

  it('does not wait for the gap when it is drained', async () => {
    flight.poke();
    await pass(RUN_MS + 1);
    flight.poke();
    await flight.drain();
    expect(Date.now()).toBe(RUN_MS + 1);
    expect(began).toEqual([0]);
  });

  it('is drained at once when nothing runs', async () => {
    await flight.drain();
    await flight.drain();
    expect(Date.now()).toBe(0);
  });
});
