import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { PLAYGROUND_PATH } from './playground-paths.js';

/**
 * Redirects a person who opens the address of the API in a browser to the playground.
 *
 * Everything that could be a query goes on to the API: requests that do not accept HTML, and requests with a query in
 * the address (a persisted query has `extensions` instead of its text).
 */
@Injectable()
export class BrowserRedirectMiddleware implements NestMiddleware<
  IncomingMessage & { originalUrl?: string },
  ServerResponse
> {
  use(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse, next: () => void): void {
    if (!isVisit(request.method, request.headers.accept, request.originalUrl ?? request.url)) {
      next();
      return;
    }
    // The same address returns JSON to other clients, so no cache may return this redirect to them.
    response.writeHead(302, { Location: PLAYGROUND_PATH, 'Cache-Control': 'no-store', Vary: 'Accept' }).end();
  }
}

/** Whether a request comes from the address bar of a browser and is not a query. */
function isVisit(method: string | undefined, accept: string | undefined, url: string | undefined): boolean {
  const parameters = new URLSearchParams(url?.split('?', 2)[1]);
  return (
    method === 'GET' &&
    accept?.toLowerCase().includes('text/html') === true &&
    !parameters.has('query') &&
    !parameters.has('extensions')
  );
}
