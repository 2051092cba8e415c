import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { DomainError } from '../../common/errors/domain-error.js';

/** The part of Fastify that is used here. */
interface Server {
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: Readable, done: (error: null, body: Readable) => void) => void,
  ): void;
}

/** Content type that replaces the one of the client; imports detect the format by content. */
const UNPARSED = 'application/x-unparsed-body';

/** Passes the body to the handler as a stream, instead of buffering and parsing it. */
@Injectable()
export class UnparsedBodyMiddleware implements NestMiddleware<IncomingMessage, ServerResponse> {
  use(request: IncomingMessage, _response: ServerResponse, next: () => void): void {
    request.headers['content-type'] = UNPARSED;
    next();
  }
}

/** Registers a parser that passes on bodies as streams; call it before the server listens. */
export function leaveBodiesUnparsed({ httpAdapter }: HttpAdapterHost): void {
  httpAdapter.getInstance<Server>().addContentTypeParser(UNPARSED, (_request, payload, done) => {
    done(null, payload);
  });
}

/**
 * The bytes of a body, read on demand. A consumer that stops early leaves the connection open, so that the client still
 * gets a response.
 *
 * @throws DomainError while reading: `TOO_LARGE`, or `BAD_USER_INPUT` when the client disconnects.
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
    throw new DomainError('BAD_USER_INPUT', 'The body is incomplete: the client disconnected', {
      cause: error,
    });
  }
  if (bytes > maxBytes) throw new DomainError('TOO_LARGE', `The body is longer than ${maxBytes} bytes`);
}

/** Reads a small body as a whole. @throws as {@link bodyStream}. */
export async function wholeBody(body: Readable | undefined, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyStream(body, maxBytes) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
