import { describe, expect, it } from '@jest/globals';
import { isTransient, toDomainError } from './pg-errors.js';

function failure(code: string, message = 'as the server says it'): Error {
  return Object.assign(new Error(message), { code });
}

describe('what may succeed when it is run again', () => {
  it.each(['40001', '40P01', '55P03', '55000'])('is %s', (code) => {
    expect(isTransient(failure(code))).toBe(true);
  });

  it('is a chunk that another session has just dropped', () => {
    expect(isTransient(failure('XX000', 'no chunk found with ID 870'))).toBe(true);
  });

  it.each([
    ['another internal error', failure('XX000', 'invalid memory alloc request size')],
    ['what is wrong for good', failure('23505')],
    ['a failure of our own', new Error('no chunk found with ID 870')],
    ['nothing', null],
  ])('is not %s', (_name, error) => {
    expect(isTransient(error)).toBe(false);
  });
});

describe('a server that lacks something', () => {
  it.each([
    [
      '53300',
      'sorry, too many clients already',
      /^The database server has no free connection \(max_connections/,
    ],
    ['53100', 'could not extend file', /^The database server has no disk space left/],
    ['53200', 'out of memory', /^The database server is out of memory/],
    ['53400', 'too many locks', /^The database server lacks a resource \(too many locks\)/],
  ])('is UNAVAILABLE, and told from one that is away: %s', (code, said, message) => {
    const error = failure(code, said);
    expect(toDomainError(error)).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(message) as unknown,
      cause: error,
    });
  });
});

describe('a connection that is lost', () => {
  it.each([
    failure('57P01', 'terminating connection due to administrator command'),
    new Error('Connection terminated unexpectedly'),
    Object.assign(new Error('server conn crashed?'), { code: '08P01' }), // pgbouncer
    Object.assign(new Error('query_wait_timeout'), { code: '08P01' }),
    new Error('Client has encountered a connection error and is not queryable'),
    new Error('Query runner already released. Cannot run queries anymore.'),
  ])('is UNAVAILABLE: $message', (error) => {
    expect(toDomainError(error)).toMatchObject({ code: 'UNAVAILABLE', cause: error });
  });
});
