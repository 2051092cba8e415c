import { describe, expect, it } from '@jest/globals';
import {
  altitudeFrom,
  batteryFrom,
  courseFrom,
  FOOT,
  iosAltitudeFrom,
  KMH,
  KNOT,
  motionFrom,
  MPH,
  speedFrom,
  ambiguousBatteryFrom,
} from './telemetry.js';

const UNREADABLE = [undefined, null, '', ' ', 'unknown', '12 m', '1,5', '0x10', NaN, Infinity, true, {}, [5]];

describe('telemetry in the formats of other programs', () => {
  it.each([
    ['altitude', altitudeFrom],
    ['speed', speedFrom],
    ['course', courseFrom],
    ['battery', batteryFrom],
    ['motion', motionFrom],
  ])('leaves out an invalid %s', (_, read) => {
    expect(UNREADABLE.map((value) => read(value))).toEqual(UNREADABLE.map(() => undefined));
    expect(read('9'.repeat(500_000))).toBeUndefined();
  });

  it.each([
    [54.79999923706055, 54.79999923706055],
    ['-430.5', -430.5],
    [0, 0],
    [-12_000, -12_000],
    [100_000, 100_000],
    [-12_000.1, undefined],
    [100_000.1, undefined],
    [-9999, undefined],
    [32_767, undefined],
    [65_535, undefined],
    ['65535.0', undefined],
    [0xffff_ffff, undefined],
  ])('reads the altitude %p', (value, altitude) => {
    expect(altitudeFrom(value)).toBe(altitude);
  });

  it.each([
    [0, -1, undefined],
    [36, -1, undefined],
    [36, '-1', undefined],
    [36, 0, 36],
    [36, 4, 36],
    [36, undefined, 36],
    [36, 'unknown', 36],
  ])('reads the altitude %p of an iPhone with a vertical accuracy of %p', (value, accuracy, altitude) => {
    expect(iosAltitudeFrom(value, accuracy)).toBe(altitude);
  });

  it.each([
    [0, 0],
    ['4.25', 4.25],
    [1000, 1000],
    [1000.1, undefined],
    [-1, undefined],
    [-0.1, undefined],
    [65_535, undefined],
  ])('reads the speed %p', (value, speed) => {
    expect(speedFrom(value)).toBe(speed);
  });

  it('converts units, rounded to a thousandth', () => {
    expect([speedFrom(5, KMH), speedFrom(36, KMH), speedFrom('60', MPH), speedFrom(10, KNOT)]).toEqual([
      1.389, 10, 26.822, 5.144,
    ]);
    expect(speedFrom(3601, KMH)).toBeUndefined();
    expect([altitudeFrom(1000, FOOT), altitudeFrom(-9999, FOOT)]).toEqual([304.8, undefined]);
  });

  it.each([
    [0, 0],
    ['187.5', 187.5],
    [359.99, 359.99],
    [360, 0],
    ['360.0', 0],
    [360.1, undefined],
    [-1, undefined],
    [511, undefined],
    [65_535, undefined],
  ])('reads the course %p', (value, course) => {
    expect(courseFrom(value)).toBe(course);
  });

  it.each([
    [0, 0],
    ['94', 94],
    [79.5, 80],
    ['80.00', 80],
    [100, 100],
    [100.1, undefined],
    [-1, undefined],
    [-100, undefined],
    [255, undefined],
  ])('reads the battery %p', (value, battery) => {
    expect(batteryFrom(value)).toBe(battery);
  });

  it('reads a battery level written as a fraction', () => {
    expect([0, 0.55, 0.89, 1, -1, 1.01, 89].map((value) => batteryFrom(value, 100))).toEqual([
      0,
      55,
      89,
      100,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('leaves out a battery that may be a percentage or a fraction', () => {
    expect([0, 0.89, 1, 1.5, 2, 89].map(ambiguousBatteryFrom)).toEqual([0, undefined, undefined, 2, 2, 89]);
  });

  it.each([
    ['stationary', 'stationary'],
    ['STILL', 'stationary'],
    ['WALKING', 'walking'],
    ['ON_FOOT', 'walking'],
    ['onFoot', 'walking'],
    ['running', 'running'],
    ['ON_BICYCLE', 'cycling'],
    [' Cycling ', 'cycling'],
    ['automotive', 'driving'],
    ['IN_VEHICLE', 'driving'],
    ['inVehicle', 'driving'],
    ['IN_RAIL_VEHICLE', 'driving'],
    ['IN_TWO_WHEELER_VEHICLE', 'driving'],
    ['EXITING_VEHICLE', undefined],
    ['TILTING', undefined],
    ['constructor', undefined],
    ['other_navigation', undefined],
    [['driving', 'stationary'], 'driving'],
    [['unknown', 7, null, 'walking', 'running'], 'walking'],
    [['unknown'], undefined],
    [[], undefined],
  ])('reads the motion %p', (value, motion) => {
    expect(motionFrom(value)).toBe(motion);
  });
});
