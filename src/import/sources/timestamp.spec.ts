import { describe, expect, it } from '@jest/globals';
import { timestampFromEpoch, timestampFromText } from './timestamp.js';

describe('timestampFromText', () => {
  it.each([
    ['2025-05-30T22:00:24.674Z', '2025-05-30T22:00:24.674Z'],
    ['2025-05-30T22:00:24Z', '2025-05-30T22:00:24.000Z'],
    ['2025-05-30t22:00:24.6z', '2025-05-30T22:00:24.600Z'],
    ['2025-05-30 22:00:24+00:00', '2025-05-30T22:00:24.000Z'],
    ['2025-05-30T22:00:24.9999999Z', '2025-05-30T22:00:24.999Z'],
    ['2025-01-01T00:30:00+02:00', '2024-12-31T22:30:00.000Z'],
    ['2025-01-01T00:30:00.125-0330', '2025-01-01T04:00:00.125Z'],
    ['2025-01-01 00:30:00.5+02', '2024-12-31T22:30:00.500Z'],
    ['2025-01-01 00:30:00 -0330', '2025-01-01T04:00:00.000Z'],
    ['2025-05-30 22:00:24 Z', '2025-05-30T22:00:24.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['0050-03-01T00:00:00+01:00', '0050-02-28T23:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2017-01-01T00:59:60.5+01:00', '2017-01-01T00:00:00.500Z'],
  ])('reads %s', (text, expected) => {
    expect(timestampFromText('t', text, 'reject')).toBe(expected);
  });

  it.each([
    ['2025-05-30', 'must be a time like'],
    ['2025-05-30T22:00Z', 'must be a time like'],
    ['1709283789', 'must be a time like'],
    ['', 'must be a time like'],
    ['２０25-05-30T22:00:24Z', 'must be a time like'],
    ['+012025-05-30T22:00:24Z', 'must be a time like'],
    ['2025-02-29T00:00:00Z', 'must be a date that exists'],
    ['1900-02-29T00:00:00Z', 'must be a date that exists'],
    ['2025-13-01T00:00:00Z', 'must be a date that exists'],
    ['0000-01-01T00:00:00Z', 'must be a date that exists'],
    ['2025-01-01T24:00:00Z', 'must be a time of day that exists'],
    ['2025-01-01T12:00:60Z', 'must be a time of day that exists'],
    ['2025-01-01T12:00:00+24:00', 'must be a time with a UTC offset below 24:00'],
    ['2025-01-01T12:00:00+99', 'must be a time with a UTC offset below 24:00'],
    ['2025-01-01T12:00:00+2', 'must be a time like'],
    ['0001-01-01T00:00:00+01:00', 'must be in the years 1 to 9999'],
    ['9999-12-31T23:59:59-00:01', 'must be in the years 1 to 9999'],
    ['2025-05-30T22:00:24', 'has no offset'],
  ])('rejects %s', (text, problem) => {
    expect(() => timestampFromText('t', text, 'reject')).toThrow(problem);
  });

  it('reads a time without offset as UTC if the format says so', () => {
    expect(timestampFromText('t', '2025-05-30T22:00:24', 'utc')).toBe('2025-05-30T22:00:24.000Z');
  });

  it('agrees with Date about every kind of offset and field', () => {
    for (let step = 0; step < 5000; step++) {
      const date = new Date(-3e13 + step * 5.1e10 + (step % 1000));
      const minutes = ((step * 37) % 2879) - 1439;
      const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
      const size = Math.abs(minutes);
      const offset = [Math.floor(size / 60), size % 60]
        .map((part) => String(part).padStart(2, '0'))
        .join(':');
      expect(timestampFromText('t', `${local}${minutes < 0 ? '-' : '+'}${offset}`, 'reject')).toBe(
        date.toISOString(),
      );
    }
  });
});

describe('timestampFromEpoch', () => {
  it.each([
    [1709283789, '2024-03-01T09:03:09.000Z'],
    [1709283789.123, '2024-03-01T09:03:09.123Z'],
    [1709283789.1239, '2024-03-01T09:03:09.123Z'],
    [1709283789123, '2024-03-01T09:03:09.123Z'],
    [1709283789123.9, '2024-03-01T09:03:09.123Z'],
    [0, '1970-01-01T00:00:00.000Z'],
    [-0.5, '1969-12-31T23:59:59.500Z'],
    [99_999_999_999, '5138-11-16T09:46:39.000Z'],
    [1e11, '1973-03-03T09:46:40.000Z'],
  ])('reads %d', (epoch, expected) => {
    expect(timestampFromEpoch('t', epoch)).toBe(expected);
  });

  it('keeps every millisecond of a time in seconds', () => {
    for (let millis = 0; millis < 1000; millis++) {
      const expected = 1_709_283_789_000 + millis;
      expect(timestampFromEpoch('t', expected / 1000)).toBe(new Date(expected).toISOString());
    }
  });

  it.each([1e15, -1e15, Infinity, NaN])('rejects %d', (epoch) => {
    expect(() => timestampFromEpoch('t', epoch)).toThrow('must be in the years 1 to 9999');
  });
});
