import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { PLAYGROUND_PATH } from './playground-paths.js';

/**
 * Sends a person who opens the API's address in a browser to the playground.
 *
 * Everything that could be a query goes on to the API: what does not ask for HTML, and what brings a query in the
 * address (`extensions` is how a persisted query comes without its text).
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
    // The same address answers other clients with JSON: no cache may give them this redirect.
    response.writeHead(302, { Location: PLAYGROUND_PATH, 'Cache-Control': 'no-store', Vary: 'Accept' }).end();
  }
}

/** Whether a request is that of a browser's address bar, and no query. */
function isVisit(method: string | undefined, accept: string | undefined, url: string | undefined): boolean {
  const parameters = new URLSearchParams(url?.split('?', 2)[1]);
  return (
    method === 'GET' &&
    accept?.toLowerCase().includes('text/html') === true &&
    !parameters.has('query') &&
    !parameters.has('extensions')
  );
}
