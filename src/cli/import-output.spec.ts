import { describe, expect, it } from '@jest/globals';
import { barLine } from './import-output.js';

const state = { file: 'walk.gpx', part: 0.25, read: 1_000, rejected: 0, seconds: 10 };

describe('barLine', () => {
  it('shows the rate and the time left', () => {
    expect(barLine(state, 80)).toBe(
      `walk.gpx ${'█'.repeat(6)}${'░'.repeat(18)}  25%  1,000 read  100/s  0:30 left`,
    );
  });

  it('shows rejected reports once there are some', () => {
    expect(barLine({ ...state, rejected: 12 }, 80)).toContain('  12 rejected  ');
  });

  it('shows no time left at the beginning', () => {
    expect(barLine({ ...state, part: 0, read: 0, seconds: 0 }, 80)).toMatch(/ 0% {2}0 read {2}0\/s$/);
  });

  it.each([80, 60, 40, 20, 3])('fits into %d columns', (columns) => {
    const long = {
      file: `/var/lib/tracker/${'x'.repeat(200)}/location-history-2026.json.gz`,
      part: 0.001,
      read: 123_456_789,
      rejected: 1_234_567,
      seconds: 7_200,
    };
    expect(barLine(long, columns).length).toBeLessThan(columns);
  });

  it('leaves out figures instead of cutting a number', () => {
    expect(barLine({ ...state, read: 20_000, seconds: 2 }, 30)).toMatch(/^…\S+ [█░]{6}  25%  20,000 read$/);
  });

  it('keeps the end of a long name', () => {
    const line = barLine({ ...state, file: `/data/${'x'.repeat(100)}/walk.gpx` }, 80);
    expect(line).toMatch(/^…x+\/walk\.gpx /);
    expect(line.length).toBe(79);
  });
});
