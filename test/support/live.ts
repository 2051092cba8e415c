import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import { type CloseEvent, WebSocket } from 'ws';

/** An update as a subscriber sees it. */
export interface SeenUpdate {
  trackerId: string;
  timestamp: string;
  location: { latitude: number };
}

const SUBSCRIPTION = `subscription ($ids: [ID!]!, $since: DateTime) {
  locationUpdated(trackerIds: $ids, since: $since) { trackerId timestamp location { latitude } }
}`;

/** A client of its own connection, with what its subscribers have seen. */
export class LiveClient {
  private socket: WebSocket | null = null;
  readonly client: Client;

  /** Code with which the connection was closed. */
  closedWith: number | undefined;

  /** @param server of this process, or the address of another one, e.g. `http://127.0.0.1:3000`. */
  constructor(server: Server | string) {
    const at =
      typeof server === 'string'
        ? new URL(server).host
        : `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.client = createClient({
      url: `ws://${at}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      on: {
        opened: (socket) => (this.socket = socket as WebSocket),
        closed: (event) => (this.closedWith = (event as CloseEvent).code),
      },
    });
  }

  /** Subscribes; what comes is appended, and what it ends with too. */
  subscribe(
    ids: readonly string[],
    since?: Date,
  ): { seen: SeenUpdate[]; errors: unknown[]; end: () => void } {
    return this.run(SUBSCRIPTION, {
      ids,
      since: since?.toISOString() ?? null,
    });
  }

  run(
    query: string,
    variables: Record<string, unknown> = {},
    operationName?: string,
  ): { seen: SeenUpdate[]; errors: unknown[]; end: () => void } {
    const seen: SeenUpdate[] = [];
    const errors: unknown[] = [];
    const end = this.client.subscribe<{ locationUpdated: SeenUpdate }>(
      { query, variables, ...(operationName !== undefined && { operationName }) },
      {
        next: ({ data, errors: wrong }) => {
          if (data) seen.push(data.locationUpdated);
          if (wrong) errors.push(...wrong);
        },
        error: (error) => errors.push(...(Array.isArray(error) ? (error as unknown[]) : [error])),
        complete: () => undefined,
      },
    );
    return { seen, errors, end };
  }

  /** The connection below, e.g. to stop reading from it. */
  get connection(): Socket {
    return (this.socket as unknown as { _socket: Socket })._socket;
  }

  async close(): Promise<void> {
    await this.client.dispose();
  }
}
