import { describe, expect, it } from '@jest/globals';
import { connectionOf, readCursor, writeCursor } from './connection.js';

describe('readCursor', () => {
  const patterns = [/^.+$/s, /^\d+$/];

  it.each([
    ['plain', '1'],
    ['Łódź "quoted"\n', '99'],
  ])('returns the parts of a cursor: %j', (...parts) => {
    expect(readCursor(writeCursor(['kind', ...parts]), 'kind', patterns)).toEqual(parts);
  });

  it.each([
    ['', 'not a cursor'],
    ['garbage', 'not a cursor'],
    ['🛰', 'not a cursor'],
    [writeCursor([]), 'not a cursor'],
    [Buffer.from('{"kind":1}').toString('base64url'), 'not a cursor'],
    [Buffer.from('["kind",1,2]').toString('base64url'), 'not a cursor'],
    [writeCursor(['kind', 'x']), 'not a cursor'],
    [writeCursor(['kind', 'x', 'y']), 'not a cursor'],
    [writeCursor(['kind', 'x', '1', '2']), 'not a cursor'],
    [writeCursor(['other', 'x', '1']), 'of another list'],
  ])('rejects %j: %s', (cursor, problem) => {
    expect(() => readCursor(cursor, 'kind', patterns)).toThrow(problem);
  });
});

describe('connectionOf', () => {
  const page = (rows: string[], after?: string): unknown =>
    connectionOf(rows, 2, after, (row) => `at ${row}`).pageInfo;

  it('returns whether there are more rows, and the cursors of the first and the last row', () => {
    expect(page(['a', 'b', 'c'])).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: 'at a',
      endCursor: 'at b',
    });
    expect(page(['c'], 'at b')).toEqual({
      hasNextPage: false,
      hasPreviousPage: true,
      startCursor: 'at c',
      endCursor: 'at c',
    });
    expect(page([])).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: null,
    });
  });
});
