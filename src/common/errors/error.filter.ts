import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type HttpErrorAnswer, httpErrorAnswer } from './http-errors.js';

/**
 * Passes errors of GraphQL on to the error formatter; Nest would log an expected NOT_FOUND with its stack. Answers HTTP
 * errors (too large, not JSON) as GraphQL errors on /graphql, and with httpErrorAnswer() on other routes.
 */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('HTTP');

  constructor(private readonly http: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (host.getType<string>() === 'graphql') return error; // returned errors become the field's error
    const { url, raw } = host.switchToHttp().getRequest<{ url: string; raw?: { complete: boolean } }>();
    const route = url.split('?', 1)[0] ?? '';
    const { status, body } =
      route === '/graphql' ? this.graphqlAnswer(error) : httpErrorAnswer(error, route, this.logger);
    const response: unknown = host.switchToHttp().getResponse();
    // Otherwise the unread rest of the body would have to be read before the next request.
    if (raw?.complete === false) this.http.httpAdapter.setHeader(response, 'connection', 'close');
    return this.http.httpAdapter.reply(response, body, status) as unknown;
  }
  private graphqlAnswer(error: unknown): HttpErrorAnswer {
    if (error instanceof HttpException && error.getStatus() < 500) {
      const extensions = { code: 'BAD_REQUEST' };
      return { status: error.getStatus(), body: { errors: [{ message: error.message, extensions }] } };
    }
    const { status, body } = httpErrorAnswer(error, '/graphql', this.logger);
    const { error: shown } = body as { error?: { message: string } };
    if (!shown) return { status, body };
    const { message, ...extensions } = shown;
    return { status, body: { errors: [{ message, extensions }] } };
  }
}
