/** A subscription from which nothing is read for this long ends with an error. */
const STALLED_AFTER_MS = 60_000;
/** Maximum number of queued items. Further reports are not lost: the hub reads them from the database later. */
export const QUEUE_LIMIT = 256;

/** A bounded queue of items for one subscriber. */
export class Subscriber<T> implements AsyncIterableIterator<T> {
  private readonly queue: T[] = [];
  private waiting: ((result: IteratorResult<T>) => void) | null = null;
  private stalled: NodeJS.Timeout | null = null;
  private failure: Error | null = null;
  private state: 'open' | 'ended' = 'open';

  /**
   * @param onRoom called when a full queue is half empty again.
   * @param onEnd called once, when the subscription ends for any reason.
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

  /** Whether it rejects items until `onRoom` is called. */
  get isFull(): boolean {
    return this.queue.length >= QUEUE_LIMIT;
  }

  /** Queues an item. @returns false if the item was not queued, because the queue is full or has ended. */
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

  /** Drops the queued items and ends with an error, which the next read returns. */
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
