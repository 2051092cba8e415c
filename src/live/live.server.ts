import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { formatError } from '../common/graphql/error-formatter.js';
import { RequestContext } from '../common/graphql/request-context.js';
import { badInput, prepareSubscription } from './subscription-request.js';

const PATH = '/graphql';
/** Maximum size of a message of a client; a subscription to a thousand trackers is far smaller. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Maximum number of subscriptions per connection. */
const MAX_SUBSCRIPTIONS = 20;
/** Clients are pinged this often; one that does not answer is disconnected. */
const PING_MS = 30_000;
/** How long clients have to close their connection when the server stops. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Serves subscriptions over WebSocket, in the protocol of graphql-ws, on the path of the API.
 *
 * The GraphQL module could do this, but it adds no error handler to sockets of other paths, so one broken connection
 * ends the process, and it accepts messages of up to 100 MiB.
 */
@Injectable()
export class LiveServer implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(LiveServer.name);
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  private stop: () => void | Promise<void> = () => undefined;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    const fastify = this.http.httpAdapter.getInstance<FastifyInstance>();
    // The server waits until all connections are closed, but does not close WebSockets itself.
    fastify.addHook('preClose', () => this.closeConnections());
  }

  onApplicationBootstrap(): void {
    const { schema } = this.modules.get(GraphQLSchemaHost, { strict: false });
    const server = useServer(
      {
        context: () => new RequestContext(),
        onSubscribe: ({ subscriptions }, _id, payload) =>
          Object.keys(subscriptions).length > MAX_SUBSCRIPTIONS
            ? [
                badInput(
                  `A connection may have at most ${MAX_SUBSCRIPTIONS} subscriptions; open another connection`,
                ),
              ]
            : prepareSubscription(schema, payload),
        onError: (_context, _id, _payload, errors) => errors.map(formatLiveError),
        onNext: (_context, _id, _payload, _args, result) =>
          result.errors ? { ...result, errors: result.errors.map(formatLiveError) } : undefined,
      } as ServerOptions,
      this.sockets,
      PING_MS,
    );
    this.stop = () => server.dispose();
    const httpServer = this.http.httpAdapter.getHttpServer() as Server;
    httpServer.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.upgrade(request, socket, head);
    });
  }

  private async closeConnections(): Promise<void> {
    const timer = setTimeout(() => {
      for (const client of this.sockets.clients) client.terminate();
    }, CLOSE_TIMEOUT_MS);
    await this.stop();
    clearTimeout(timer);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Without a listener, a reset would be an uncaught exception.
    socket.on('error', (error) => {
      this.logger.debug(`WebSocket connection failed: ${error.message}`);
      socket.destroy();
    });
    // new URL() would throw on a malformed path.
    if (request.url?.split('?', 1)[0] !== PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined); // the socket closes; without a listener the error would end the process
      this.sockets.emit('connection', webSocket, request);
    });
  }
}

/** Formats an error as the API does over HTTP. */
function formatLiveError(error: GraphQLFormattedError | GraphQLError): GraphQLFormattedError {
  const formatted = error instanceof GraphQLError ? error.toJSON() : error;
  return formatError(formatted, error);
}
