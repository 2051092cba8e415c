import { Logger } from '@nestjs/common';
import { type GraphQLFormattedError, GraphQLError } from 'graphql';
import { toDomainError } from '../errors/pg-errors.js';
import { DomainError } from '../errors/domain-error.js';
import { maskError } from '../errors/masked-error.js';

const logger = new Logger('GraphQL');

/** Apollo's codes for invalid requests, which are passed on. */
const REQUEST_ERRORS: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** The parser is recursive: a query that is nested too deeply overflows the stack. */
const TOO_DEEP = /call stack/;

/**
 * Formats an error for the client: an expected one with its code and details, an invalid request as Apollo describes it, and
 * for any other only an id to find it in the log.
 */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const original = error instanceof GraphQLError ? error.originalError : error;
  const known = original === undefined ? undefined : toDomainError(original);
  const location = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  };
  if (known instanceof DomainError) {
    return { message: known.message, ...location, extensions: { code: known.code, ...known.details } };
  }
  const code = formatted.extensions?.['code'];
  if (REQUEST_ERRORS.has(code)) {
    const message = TOO_DEEP.test(formatted.message) ? 'The query is nested too deeply' : formatted.message;
    return { message, ...location, extensions: { code } };
  }
  const { message, ...extensions } = maskError(logger, formatted.path?.join('.') ?? '', original ?? error);
  return { message, ...location, extensions };
}
