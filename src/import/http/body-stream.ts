import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { DomainError } from '../../common/errors/domain-error.js';

/** What is used of Fastify. */
interface Server {
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: Readable, done: (error: null, body: Readable) => void) => void,
  ): void;
}

/** Stands for whatever a client calls its body: what it is, its content tells. */
const UNPARSED = 'application/x-unparsed-body';

/** Keeps the body of a request from being parsed, and gathered for that: the handler gets it as a stream. */
@Injectable()
export class UnparsedBodyMiddleware implements NestMiddleware<IncomingMessage, ServerResponse> {
  use(request: IncomingMessage, _response: ServerResponse, next: () => void): void {
    request.headers['content-type'] = UNPARSED;
    next();
  }
}

/** Teaches the server about bodies that {@link UnparsedBodyMiddleware} marked. Before it listens. */
export function leaveBodiesUnparsed({ httpAdapter }: HttpAdapterHost): void {
  httpAdapter.getInstance<Server>().addContentTypeParser(UNPARSED, (_request, payload, done) => {
    done(null, payload);
  });
}

/**
 * The bytes of a body as they are asked for; who stops early leaves the connection open, so that it can still be
 * answered.
 *
 * @throws DomainError `TOO_LARGE` while it is read, `BAD_USER_INPUT` when the client goes away in the middle.
 */
export function bodyStream(body: Readable | undefined, maxBytes: number): Readable {
  return Readable.from(body ? limited(body, maxBytes) : []);
}

async function* limited(body: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
      yield chunk;
    }
  } catch (error) {
    throw new DomainError('BAD_USER_INPUT', 'The body ends too early: the connection was lost', {
      cause: error,
    });
  }
  if (bytes > maxBytes) throw new DomainError('TOO_LARGE', `The body is longer than ${maxBytes} bytes`);
}

/** A body that is small enough to be looked at as a whole. @throws as {@link bodyStream}. */
export async function wholeBody(body: Readable | undefined, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyStream(body, maxBytes) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
