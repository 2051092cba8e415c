import { HttpException, type Logger } from '@nestjs/common';
import { toDomainError } from './pg-errors.js';
import { DomainError, type ErrorCode } from './domain-error.js';
import { maskError } from './masked-error.js';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  BAD_USER_INPUT: 400,
  QUERY_TOO_COMPLEX: 400,
  UNAUTHENTICATED: 401,
  NOT_FOUND: 404,
  CONFLICT: 409,
  TOO_LARGE: 413,
  UNAVAILABLE: 503,
  BAD_CONFIGURATION: 500,
  INTERNAL_SERVER_ERROR: 500,
};

/** Error response of a route other than GraphQL. */
export interface HttpErrorAnswer {
  status: number;
  body: unknown;
}

/** Describes an error as GraphQL would, in the shape `{ error: { code, message, …details } }`. */
export function httpErrorAnswer(error: unknown, route: string, logger: Logger): HttpErrorAnswer {
  const known = toDomainError(error);
  if (known instanceof DomainError) {
    const { code, message, details } = known;
    return { status: STATUS[code], body: { error: { code, message, ...details } } };
  }
  if (error instanceof HttpException) {
    const status = error.getStatus();
    // A failed health check: 503 with its own body.
    if (status >= 500) return { status, body: error.getResponse() };
    const code: ErrorCode = status === 404 ? 'NOT_FOUND' : 'BAD_USER_INPUT';
    return { status, body: { error: { code, message: error.message } } };
  }
  return { status: 500, body: { error: maskError(logger, route, error) } };
}
