/** How long the server counts as full after it refused a connection, in milliseconds. */
const RECENT_MS = 60_000;

/**
 * Records when the server last refused a connection because it had none free. No other check notices that: existing
 * connections keep working, and only requests that need one more fail.
 */
export class RefusedConnections {
  private lastAt = -Infinity;

  /** Replaced by tests. */
  now(): number {
    return performance.now();
  }

  record(): void {
    this.lastAt = this.now();
  }

  /** Whether the server refused a connection within the last minute. */
  get isRecent(): boolean {
    return this.now() - this.lastAt < RECENT_MS;
  }
}

/** Shared by all connections of this process. */
export const refusedConnections = new RefusedConnections();
