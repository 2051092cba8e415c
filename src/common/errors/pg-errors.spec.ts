import { describe, expect, it } from '@jest/globals';
import { isTransient, toDomainError } from './pg-errors.js';

function failure(code: string, message = 'message of the server'): Error {
  return Object.assign(new Error(message), { code });
}

describe('isTransient', () => {
  it.each(['40001', '40P01', '55P03', '55000'])('is true for SQLSTATE %s', (code) => {
    expect(isTransient(failure(code))).toBe(true);
  });

  it('is true for a chunk that another session has just dropped', () => {
    expect(isTransient(failure('XX000', 'no chunk found with ID 870'))).toBe(true);
  });

  it.each([
    ['another internal error', failure('XX000', 'invalid memory alloc request size')],
    ['a permanent error', failure('23505')],
    ['an error that is not from the database', new Error('no chunk found with ID 870')],
    ['null', null],
  ])('is false for %s', (_name, error) => {
    expect(isTransient(error)).toBe(false);
  });
});

describe('toDomainError', () => {
  it.each([
    [
      '53300',
      'sorry, too many clients already',
      /^The database server has no free connection \(max_connections/,
    ],
    ['53100', 'could not extend file', /^The database server has no disk space left/],
    ['53200', 'out of memory', /^The database server is out of memory/],
    ['53400', 'too many locks', /^The database server lacks a resource \(too many locks\)/],
  ])(
    'reports a lack of resources as UNAVAILABLE, with its own message: %s',
    (code, serverMessage, message) => {
      const error = failure(code, serverMessage);
      expect(toDomainError(error)).toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringMatching(message) as unknown,
        cause: error,
      });
    },
  );

  it.each([
    failure('57P01', 'terminating connection due to administrator command'),
    new Error('Connection terminated unexpectedly'),
    Object.assign(new Error('server conn crashed?'), { code: '08P01' }), // pgbouncer
    Object.assign(new Error('query_wait_timeout'), { code: '08P01' }),
    new Error('Client has encountered a connection error and is not queryable'),
    new Error('Query runner already released. Cannot run queries anymore.'),
  ])('reports a lost connection as UNAVAILABLE: $message', (error) => {
    expect(toDomainError(error)).toMatchObject({ code: 'UNAVAILABLE', cause: error });
  });
});
