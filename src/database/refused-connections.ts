/** How long a server counts as full after it refused a connection, in milliseconds. */
const REMEMBERED_MS = 60_000;

/**
 * Remembers that the server refused this process a connection because it has none free. The connections that there are go
 * on meanwhile, so nothing else would tell: only the requests that need one more fail.
 */
export class RefusedConnections {
  private lastAt = -Infinity;

  /** Tests replace it. */
  now(): number {
    return performance.now();
  }

  note(): void {
    this.lastAt = this.now();
  }

  /** Whether that was within the last minute. */
  get isRecent(): boolean {
    return this.now() - this.lastAt < REMEMBERED_MS;
  }
}

/** Of all connections of this process. */
export const refusedConnections = new RefusedConnections();
