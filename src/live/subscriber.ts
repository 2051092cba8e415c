/** A subscriber that reads nothing for this long is ended; it can resume with `since`. */
const STALLED_AFTER_MS = 60_000;
/** Items queued per subscriber. Further ones are not lost: they are in the database. */
export const QUEUE_LIMIT = 256;

/** A bounded queue of the items that one subscriber reads next, in order. */
export class Subscriber<T> implements AsyncIterableIterator<T> {
  private readonly queue: T[] = [];
  private waiting: ((result: IteratorResult<T>) => void) | null = null;
  private stalled: NodeJS.Timeout | null = null;
  private failure: Error | null = null;
  private state: 'open' | 'ended' = 'open';

  /**
   * @param onRoom called when a full queue is half empty again.
   * @param onEnd called once, whoever ends the subscription.
   * @param tooSlow creates the error for a subscriber that stopped reading.
   */
  constructor(
    private readonly onRoom: () => void,
    private readonly onEnd: () => void,
    private readonly tooSlow: () => Error,
  ) {}

  private get hasEnded(): boolean {
    return this.state === 'ended';
  }

  /** Whether it accepts no items until `onRoom`. */
  get isFull(): boolean {
    return this.queue.length >= QUEUE_LIMIT;
  }

  /** Queues an item. @returns false if it is full or has ended, and the item was not queued. */
  offer(item: T): boolean {
    if (this.hasEnded || this.isFull) return false;
    if (this.waiting) {
      this.waiting({ value: item, done: false });
      this.waiting = null;
      return true;
    }
    if (this.queue.push(item) === QUEUE_LIMIT) {
      this.stalled = setTimeout(() => this.fail(this.tooSlow()), STALLED_AFTER_MS).unref();
    }
    return true;
  }

  /** Ends it with an error, which is delivered at once: queued items are dropped. */
  fail(error: Error): void {
    if (this.hasEnded) return;
    this.failure = error;
    this.end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.failure) {
      const error = this.failure;
      this.failure = null;
      return Promise.reject(error);
    }
    const item = this.queue.shift();
    if (item !== undefined) {
      this.makeRoom();
      return Promise.resolve({ value: item, done: false });
    }
    if (this.hasEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  private makeRoom(): void {
    if (this.stalled) clearTimeout(this.stalled);
    this.stalled = null;
    if (this.queue.length === QUEUE_LIMIT / 2) this.onRoom();
  }

  private end(): void {
    if (this.hasEnded) return;
    this.state = 'ended';
    this.queue.length = 0;
    if (this.stalled) clearTimeout(this.stalled);
    this.waiting?.({ value: undefined, done: true });
    this.waiting = null;
    this.onEnd();
  }
}
