import { describe, expect, it } from '@jest/globals';
import { findValuesOutOfRange } from './report-limits.js';

type Report = Parameters<typeof findValuesOutOfRange>[0];

const REPORT: Report = {
  latitude: 52.5,
  longitude: 13.4,
  confidence: null,
  horizontalAccuracy: null,
  status: null,
  altitude: null,
  speed: null,
  course: null,
  battery: null,
};

describe('findValuesOutOfRange', () => {
  it('accepts missing values', () => {
    expect(findValuesOutOfRange(REPORT)).toEqual([]);
  });

  it.each<[keyof Report, number, number]>([
    ['latitude', -90, 90],
    ['longitude', -180, 180],
    ['confidence', 0, 255],
    ['horizontalAccuracy', 0, 20_037_508],
    ['status', 0, 255],
    ['altitude', -12_000, 100_000],
    ['speed', 0, 1000],
    ['course', 0, 359.999],
    ['battery', 0, 100],
  ])('accepts %s from %d to %d, and nothing outside', (field, min, max) => {
    for (const value of [min, max]) expect(findValuesOutOfRange({ ...REPORT, [field]: value })).toEqual([]);
    for (const value of [min - 0.001, max + 0.001]) {
      expect(findValuesOutOfRange({ ...REPORT, [field]: value })).toEqual([
        expect.stringContaining(`${field} must be `),
      ]);
    }
  });

  it.each<[Partial<Report>, string]>([
    [{ latitude: 91 }, 'latitude must be between -90 and 90 degrees (got 91)'],
    [{ confidence: 300 }, 'confidence must be between 0 and 255 (got 300)'],
    [{ altitude: -20_000 }, 'altitude must be between -12000 and 100000 metres (got -20000)'],
    [{ speed: -1 }, 'speed must be between 0 and 1000 metres per second (got -1)'],
    [{ course: 360 }, 'course must be at least 0 and below 360 degrees (got 360)'],
    [{ battery: 101 }, 'battery must be between 0 and 100 percent (got 101)'],
  ])('reports the field, the allowed range and the value: %j', (given, problem) => {
    expect(findValuesOutOfRange({ ...REPORT, ...given })).toEqual([problem]);
  });

  it('reports every value out of range', () => {
    expect(findValuesOutOfRange({ ...REPORT, longitude: 181, course: -1, battery: -1 })).toHaveLength(3);
  });
});
