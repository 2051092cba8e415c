import { describe, expect, it } from '@jest/globals';
import { parseTimeZone } from './time-zone.js';

describe('a time zone', () => {
  it.each([
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'Asia/Calcutta',
    'Etc/GMT+5',
    'america/new_york',
  ])('may be %s', (name) => {
    expect(parseTimeZone(name)).toBe(name);
  });

  it.each(['UTC', 'Etc/UTC', 'Etc/GMT'])('may be %s, which is no other than UTC', (name) => {
    expect(parseTimeZone(name)).toBeNull();
  });

  it.each([
    '',
    'Berlin',
    'CET',
    'EST',
    '+05:30',
    'UTC+5',
    'Europe/Atlantis',
    "Europe/Berlin'",
    'Europe/Berlin\0',
    '../etc',
  ])('may not be %j', (name) => {
    expect(() => parseTimeZone(name, 'zone')).toThrow(
      `zone must be the name of a time zone such as "Europe/Berlin", not ${JSON.stringify(name)}`,
    );
  });
});
