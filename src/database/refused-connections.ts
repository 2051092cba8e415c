/** How long the server counts as full after it refused a connection, in milliseconds. */
const REMEMBERED_MS = 60_000;

/**
 * Remembers that the server refused a connection because it has none free. Existing connections keep working, so nothing else
 * would show it: only requests that need one more fail.
 */
export class RefusedConnections {
  private lastAt = -Infinity;

  /** Replaced by tests. */
  now(): number {
    return performance.now();
  }

  note(): void {
    this.lastAt = this.now();
  }

  /** Whether the server refused a connection within the last minute. */
  get isRecent(): boolean {
    return this.now() - this.lastAt < REMEMBERED_MS;
  }
}

/** Shared by all connections of this process. */
export const refusedConnections = new RefusedConnections();
