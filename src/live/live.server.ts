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
/** Bytes of one message of a client: a subscription with a thousand ids is far below it. */
const MAX_MESSAGE = 64 * 1024;
/** Subscriptions of one connection. */
const MOST_SUBSCRIPTIONS = 20;
/** A client that does not answer a ping for so long is gone. */
const PING_MS = 30_000;
/** Time of a client to answer the goodbye of a server that stops. */
const GOODBYE_MS = 1_000;

/**
 * Subscriptions over WebSocket, in the protocol of graphql-ws, at the address of the API.
 *
 * Not those of the GraphQL module: its listener leaves a request for another path without anybody who hears its socket
 * fail, and one such failure ends the process; and its messages have no bound but 100 MiB.
 */
@Injectable()
export class LiveServer implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(LiveServer.name);
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });
  private stop: () => void | Promise<void> = () => undefined;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    const fastify = this.http.httpAdapter.getInstance<FastifyInstance>();
    // The server stops when its last connection has ended, and nothing but this ends an upgraded one.
    fastify.addHook('preClose', () => this.sayGoodbye());
  }

  onApplicationBootstrap(): void {
    const { schema } = this.modules.get(GraphQLSchemaHost, { strict: false });
    const server = useServer(
      {
        context: () => new RequestContext(),
        onSubscribe: ({ subscriptions }, _id, payload) =>
          Object.keys(subscriptions).length > MOST_SUBSCRIPTIONS
            ? [badInput(`A connection may have ${MOST_SUBSCRIPTIONS} subscriptions; open another one`)]
            : prepareSubscription(schema, payload),
        onError: (_context, _id, _payload, errors) => errors.map(said),
        onNext: (_context, _id, _payload, _args, result) =>
          result.errors ? { ...result, errors: result.errors.map(said) } : undefined,
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

  private async sayGoodbye(): Promise<void> {
    const impatience = setTimeout(() => {
      for (const client of this.sockets.clients) client.terminate();
    }, GOODBYE_MS);
    await this.stop();
    clearTimeout(impatience);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A reset with nobody listening would be an uncaught exception.
    socket.on('error', (error) => {
      this.logger.debug(`a connection broke: ${error.message}`);
      socket.destroy();
    });
    // Not by new URL(): what is no address at all throws there.
    if (request.url?.split('?', 1)[0] !== PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined); // it closes; without a listener it would end the process
      this.sockets.emit('connection', webSocket, request);
    });
  }
}

/** An error as the API says it over HTTP. */
function said(error: GraphQLFormattedError | GraphQLError): GraphQLFormattedError {
  const formatted = error instanceof GraphQLError ? error.toJSON() : error;
  return formatError(formatted, error);
}
