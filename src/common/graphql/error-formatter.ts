import { Logger } from '@nestjs/common';
import { type GraphQLFormattedError, GraphQLError } from 'graphql';
import { toDomainError } from '../errors/pg-errors.js';
import { DomainError } from '../errors/domain-error.js';
import { maskError } from '../errors/masked-error.js';

const logger = new Logger('GraphQL');

/** Codes that Apollo gives to requests that are wrong in themselves; they are shown as they are. */
const REQUEST_ERRORS: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** The parser descends with the query. */
const TOO_DEEP = /call stack/;

/**
 * Says what may be said of an error: expected ones with their code and details, a wrong request as Apollo says it, and
 * nothing of anything else but an id under which the log has the whole story.
 */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const original = error instanceof GraphQLError ? error.originalError : error;
  const known = original === undefined ? undefined : toDomainError(original);
  const place = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  };
  if (known instanceof DomainError) {
    return { message: known.message, ...place, extensions: { code: known.code, ...known.details } };
  }
  const code = formatted.extensions?.['code'];
  if (REQUEST_ERRORS.has(code)) {
    const message = TOO_DEEP.test(formatted.message) ? 'The query is nested too deeply' : formatted.message;
    return { message, ...place, extensions: { code } };
  }
  const { message, ...extensions } = maskError(logger, formatted.path?.join('.') ?? '', original ?? error);
  return { message, ...place, extensions };
}
