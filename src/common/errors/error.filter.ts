import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type HttpErrorAnswer, httpErrorAnswer } from './http-errors.js';

/**
 * Hands errors of GraphQL on to the one formatter that knows what to say and what to log; Nest would log an expected
 * NOT_FOUND with its stack. What a GraphQL client sent and HTTP refuses (too large, no JSON) is said as GraphQL says it;
 * other routes say the same of an error, in a shape of their own.
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
    // The rest of a body that nobody has read would have to be read before the next request.
    if (raw?.complete === false) this.http.httpAdapter.setHeader(response, 'connection', 'close');
    return this.http.httpAdapter.reply(response, body, status) as unknown;
  }
  private graphqlAnswer(error: unknown): HttpErrorAnswer {
    if (error instanceof HttpException && error.getStatus() < 500) {
      const extensions = { code: 'BAD_REQUEST' };
      return { status: error.getStatus(), body: { errors: [{ message: error.message, extensions }] } };
    }
    const { status, body } = httpErrorAnswer(error, '/graphql', this.logger);
    const { error: said } = body as { error?: { message: string } };
    if (!said) return { status, body };
    const { message, ...extensions } = said;
    return { status, body: { errors: [{ message, extensions }] } };
  }
}
