/** A subscriber that takes nothing for so long is ended; it may come back with `since`. */
const STALLED_AFTER_MS = 60_000;
/** Items that wait for one subscriber at most. What comes then is not lost: it is in the database. */
export const QUEUE_LIMIT = 256;

/** What a subscriber gets next, in order; it takes one after the other. */
export class Subscriber<T> implements AsyncIterableIterator<T> {
  private readonly queue: T[] = [];
  private waiting: ((result: IteratorResult<T>) => void) | null = null;
  private stalled: NodeJS.Timeout | null = null;
  private failure: Error | null = null;
  private state: 'open' | 'ended' = 'open';

  /**
   * @param onRoom told when a full queue is half empty again.
   * @param onEnd told once, whoever ends it.
   * @param tooSlow made for a subscriber that takes nothing any more.
   */
  constructor(
    private readonly onRoom: () => void,
    private readonly onEnd: () => void,
    private readonly tooSlow: () => Error,
  ) {}

  private get hasEnded(): boolean {
    return this.state === 'ended';
  }

  /** Whether it takes nothing more until `onRoom`. */
  get isFull(): boolean {
    return this.queue.length >= QUEUE_LIMIT;
  }

  /** Hands it an item. @returns false when it is full, or has ended: it was not taken then. */
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

  /** Ends it with an error, which comes at once: what waits for it is dropped. */
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
