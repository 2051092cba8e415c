import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { GraphQLError, type GraphQLFormattedError, locatedError, parse } from 'graphql';
import { DomainError, ERROR_CODES } from '../errors/domain-error.js';
import { formatError } from './error-formatter.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MASKED = 'Something went wrong on our side';

/** Formats what a resolver threw, with the same input as in the server. */
function answerTo(thrown: unknown): GraphQLFormattedError {
  const error = locatedError(thrown, undefined, ['trackers', 0, 'latestLocation']);
  const formatted = { ...error.toJSON(), extensions: { code: 'INTERNAL_SERVER_ERROR', ...error.extensions } };
  return formatError(formatted, error);
}

describe('formatError', () => {
  let log: jest.SpiedFunction<Logger['error']>;
  const logged = (): string => log.mock.calls.flat().map(String).join('\n');

  beforeEach(() => {
    log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => {
    log.mockRestore();
  });

  it.each(ERROR_CODES)('returns an expected failure with its code %s, its details and its path', (code) => {
    const cause = new Error('SELECT secret FROM tracker_keys');
    const answer = answerTo(new DomainError(code, 'Not so', { cause, details: { argument: 'trackerId' } }));
    expect(answer).toEqual({
      message: 'Not so',
      path: ['trackers', 0, 'latestLocation'],
      extensions: { code, argument: 'trackerId' },
    });
    expect(log).not.toHaveBeenCalled();
  });

  it.each([
    ['a bug', new TypeError("Cannot read properties of undefined (reading 'hunter2')")],
    [
      'an SQL error',
      Object.assign(new Error('relation "hunter2" does not exist'), {
        code: '42P01',
        query: 'SELECT hunter2',
        parameters: ['hunter2'],
        detail: 'hunter2',
      }),
    ],
    ['an error with extensions', Object.assign(new Error('hunter2'), { extensions: { token: 'hunter2' } })],
    ['a thrown string', 'hunter2'],
  ])('returns only the id of a log entry for %s', (_, thrown) => {
    const answer = answerTo(thrown);
    expect(answer).toEqual({
      message: MASKED,
      path: ['trackers', 0, 'latestLocation'],
      extensions: { code: 'INTERNAL_SERVER_ERROR', correlationId: expect.stringMatching(UUID) },
    });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(log).toHaveBeenCalledTimes(1);
    expect(logged()).toContain(String(answer.extensions?.['correlationId']));
    expect(logged()).toContain('trackers.0.latestLocation');
    expect(logged()).toContain('hunter2');
  });

  it('assigns a new id to each masked error', () => {
    const ids = [1, 2, 3].map((n) => answerTo(new Error(String(n))).extensions?.['correlationId']);
    expect(new Set(ids).size).toBe(3);
  });

  it.each(['ECONNREFUSED', '57P01'])('reports an unreachable database (%s) without its address', (code) => {
    const answer = answerTo(Object.assign(new Error('connect 10.1.2.3:5432'), { code, address: '10.1.2.3' }));
    expect(answer).toMatchObject({
      message: 'The database cannot be reached at the moment',
      extensions: { code: 'UNAVAILABLE' },
    });
    expect(JSON.stringify(answer)).not.toContain('10.1.2.3');
  });

  it('reports an exhausted connection pool with another message', () => {
    expect(answerTo(new Error('timeout exceeded when trying to connect'))).toMatchObject({
      message: expect.stringContaining('became free'),
      extensions: { code: 'UNAVAILABLE' },
    });
  });

  it('reports that another refresh is running as CONFLICT', () => {
    const answer = answerTo(Object.assign(new Error('could not obtain lock'), { code: '55P03' }));
    expect(answer.extensions).toEqual({ code: 'CONFLICT' });
  });

  it('passes on the message of an invalid request, without further extensions', () => {
    let syntaxError: unknown;
    try {
      parse('{ trackers(');
    } catch (error) {
      syntaxError = error;
    }
    const error = syntaxError as GraphQLError;
    const extensions = { code: 'GRAPHQL_PARSE_FAILED', stacktrace: ['at /home/someone/secret.js'] };
    expect(formatError({ ...error.toJSON(), extensions }, error)).toEqual({
      message: 'Syntax Error: Expected Name, found <EOF>.',
      locations: [{ line: 1, column: 12 }],
      extensions: { code: 'GRAPHQL_PARSE_FAILED' },
    });
    expect(log).not.toHaveBeenCalled();
  });

  it('reports a stack overflow of the parser as a query that is nested too deeply', () => {
    const error = new GraphQLError('Maximum call stack size exceeded', {
      extensions: { code: 'GRAPHQL_PARSE_FAILED' },
    });
    expect(formatError(error.toJSON(), error).message).toBe('The query is nested too deeply');
  });

  it('masks a GraphQL error with an unknown code', () => {
    const error = new GraphQLError('hunter2', { extensions: { code: 'SOMETHING_ELSE', token: 'hunter2' } });
    const answer = formatError(error.toJSON(), error);
    expect(answer).toEqual({
      message: MASKED,
      extensions: { code: 'INTERNAL_SERVER_ERROR', correlationId: expect.stringMatching(UUID) },
    });
  });
});
