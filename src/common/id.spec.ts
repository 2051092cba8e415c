import { describe, expect, it } from '@jest/globals';
import { DomainError } from './errors/domain-error.js';
import { parseId } from './id.js';

describe('parseId', () => {
  it.each([
    ['123', '123'],
    ['0', '0'],
    ['007', '7'],
    ['9007199254740993', '9007199254740993'], // too large for a JavaScript number
    ['9223372036854775807', '9223372036854775807'], // the largest bigint
  ])('accepts %s', (value, id) => {
    expect(parseId(value, 'trackerId')).toBe(id);
  });

  it.each([
    ['', '""'],
    ['-1', '"-1"'],
    ['+1', '"+1"'],
    ['1.0', '"1.0"'],
    ['1e3', '"1e3"'],
    ['0x1F', '"0x1F"'],
    [' 1', '" 1"'],
    ['1\n', '"1\\n"'],
    ['١٢٣', '"١٢٣"'],
    ['9223372036854775808', '"9223372036854775808"'],
    ['10000000000000000000', '"10000000000000000000"'],
    ["1'; DROP TABLE trackers; --", '"1\'; DROP TABLE trackers; --"'],
  ])('rejects %j and names the argument', (value, shown) => {
    expect(() => parseId(value, 'trackerId')).toThrow(
      new DomainError(
        'BAD_USER_INPUT',
        `trackerId must be a whole number from 0 to 9223372036854775807, not ${shown}`,
      ),
    );
    expect(() => parseId(value, 'trackerId')).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', details: { argument: 'trackerId' } }),
    );
  });
});
