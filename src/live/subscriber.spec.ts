import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { QUEUE_LIMIT, Subscriber } from './subscriber.js';

describe('Subscriber', () => {
  const calls = { room: 0, end: 0 };
  let subscriber: Subscriber<number>;
  const fill = (): void => {
    for (let i = 0; i < QUEUE_LIMIT; i++) expect(subscriber.offer(i)).toBe(true);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    Object.assign(calls, { room: 0, end: 0 });
    subscriber = new Subscriber(
      () => calls.room++,
      () => calls.end++,
      () => new Error('too slow'),
    );
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('delivers items in order, to a pending read and from the queue', async () => {
    const first = subscriber.next();
    for (const item of [1, 2, 3]) subscriber.offer(item);
    expect((await first).value).toBe(1);
    expect((await subscriber.next()).value).toBe(2);
    expect((await subscriber.next()).value).toBe(3);
  });

  it('rejects items while full, and calls onRoom once when there is room again', async () => {
    fill();
    expect(subscriber.isFull).toBe(true);
    expect(subscriber.offer(-1)).toBe(false);
    for (let i = 0; i < QUEUE_LIMIT; i++) expect((await subscriber.next()).value).toBe(i);
    expect(calls.room).toBe(1);
    expect(subscriber.offer(-1)).toBe(true);
  });

  it('ends with an error when nothing is read for a minute', async () => {
    fill();
    jest.advanceTimersByTime(60_000);
    expect(calls.end).toBe(1);
    await expect(subscriber.next()).rejects.toThrow('too slow');
    expect(await subscriber.next()).toEqual({ value: undefined, done: true });
  });

  it('does not end when an item is read in time', async () => {
    fill();
    jest.advanceTimersByTime(59_000);
    await subscriber.next();
    jest.advanceTimersByTime(59_000);
    expect(calls.end).toBe(0);
  });

  it('ends only once, even with a pending read', async () => {
    const pending = subscriber.next();
    await subscriber.return();
    subscriber.fail(new Error('later'));
    expect(await pending).toEqual({ value: undefined, done: true });
    expect(calls.end).toBe(1);
    expect(subscriber.offer(1)).toBe(false);
  });
});
