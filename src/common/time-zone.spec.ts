import { describe, expect, it } from '@jest/globals';
import { parseTimeZone } from './time-zone.js';

describe('parseTimeZone', () => {
  it.each([
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'Asia/Calcutta',
    'Etc/GMT+5',
    'america/new_york',
  ])('accepts %s', (name) => {
    expect(parseTimeZone(name)).toBe(name);
  });

  it.each(['UTC', 'Etc/UTC', 'Etc/GMT'])('returns null for %s, a name of UTC', (name) => {
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
  ])('rejects %j', (name) => {
    expect(() => parseTimeZone(name, 'zone')).toThrow(
      `zone must be the name of a time zone such as "Europe/Berlin", not ${JSON.stringify(name)}`,
    );
  });
});
