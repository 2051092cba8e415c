import { describe, expect, it } from '@jest/globals';
import { DateTimeScalar } from './date-time.scalar.js';

describe('DateTime', () => {
  it.each([
    ['2025-01-31T23:59:59Z', '2025-01-31T23:59:59.000Z'],
    ['2025-02-01T00:59:59+01:00', '2025-01-31T23:59:59.000Z'],
    ['2025-01-31T20:29:59.5-03:30', '2025-01-31T23:59:59.500Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('accepts %s and returns it in UTC', (text, expected) => {
    const moment = DateTimeScalar.parseValue(text);
    expect(moment.toISOString()).toBe(expected);
    expect(new Date(DateTimeScalar.serialize(moment) as string).toISOString()).toBe(expected);
    expect(JSON.parse(JSON.stringify(DateTimeScalar.serialize(moment)))).toBe(expected);
  });

  it.each([
    'garbage',
    '',
    '2025-01-31',
    '2025-01-31T23:59:59', // no offset
    '2025-02-30T00:00:00Z',
    '2025-01-31T25:00:00Z',
    '0000-12-31T23:59:59Z', // PostgreSQL has no year 0
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-01:00',
    1738367999,
    true,
    null,
    {},
  ])('rejects %j', (text) => {
    expect(() => DateTimeScalar.parseValue(text)).toThrow();
  });
});
