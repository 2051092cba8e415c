import { expect, it } from '@jest/globals';
import { describeDuration } from './describe-duration.js';

it.each([
  [0, '0 seconds'],
  [499, '0 seconds'],
  [1_000, '1 second'],
  [61_000, '1 minute 1 second'],
  [3_600_000, '1 hour'],
  [3_660_000, '1 hour 1 minute'],
  [3 * 86_400_000 + 59_000, '3 days'],
  [30 * 86_400_000 + 2 * 3_600_000 + 59_000, '30 days 2 hours'],
])('describeDuration() formats %d ms as %s', (ms, text) => {
  expect(describeDuration(ms)).toBe(text);
});
