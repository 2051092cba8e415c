import { describe, expect, it } from '@jest/globals';
import { resolutionOf } from './bucket-size.js';
import { formatLocationId, parseLocationId } from './location-id.js';

describe('parseLocationId', () => {
  it.each([
    ['1:1 day:1795219200', '1', '1 day', '2026-11-21T00:00:00.000Z'],
    ['007:1 hour:1795222800', '7', '1 hour', '2026-11-21T01:00:00.000Z'],
    ['1:1 hour:-3600', '1', '1 hour', '1969-12-31T23:00:00.000Z'],
    ['1:raw:1795222800.001', '1', 'raw', '2026-11-21T01:00:00.001Z'],
    ['1:raw:1795222800.000', '1', 'raw', '2026-11-21T01:00:00.000Z'],
    ['1:raw:-0.250', '1', 'raw', '1969-12-31T23:59:59.750Z'],
  ])('parses %s, and formatLocationId() restores it', (id, trackerId, bucketSize, start) => {
    const parsed = parseLocationId(id, 'ids');
    expect(parsed).toEqual({ trackerId, resolution: resolutionOf(bucketSize), start: new Date(start) });
    expect(formatLocationId(parsed)).toBe(id.replace(/^0+/, ''));
  });

  it.each([
    '',
    '1',
    '1:1 day',
    '1:1 day:',
    'x:1 day:1795219200',
    '1:1 week:1795219200',
    '1:1 day:1795219201',
    '1:1 day:1795222800',
    '1:1 hour:1795222801',
    '1:1 day:1795219200:Europe/Oslo',
    '1:1 day:1795219200.000',
    '1:raw:1795219200',
    '1:raw:1795219200.5',
    "1:1 day:1795219200'; --",
    '1:1 day:NaN',
    '99999999999999999999:1 day:1795219200',
  ])('rejects %j with a message that contains it', (id) => {
    expect(() => parseLocationId(id, 'locationIds')).toThrow(
      expect.objectContaining({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining(JSON.stringify(id)),
        details: { argument: 'locationIds' },
      }),
    );
  });

  it('rejects a tracker id that is too large', () => {
    expect(() => parseLocationId('9999999999999999999:1 day:0', 'ids')).toThrow(
      /whole number from 0 to 9223372036854775807/,
    );
  });
});
