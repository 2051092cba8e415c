import { describe, expect, it } from '@jest/globals';
import { motionFromActivity } from './google-activity.js';

type Guesses = readonly (readonly [type: string, confidence: number])[];

const reading = (guesses: Guesses): object => ({
  timestamp: '2013-04-15T06:34:36.153Z',
  activity: guesses.map(([type, confidence]) => ({ type, confidence })),
});

describe('motionFromActivity', () => {
  it.each<[Guesses, string | undefined]>([
    [[['STILL', 100]], 'stationary'],
    [[['STILL', 98], ['ON_FOOT', 1], ['UNKNOWN', 1], ['WALKING', 1]], 'stationary'],
    [[['WALKING', 12], ['IN_VEHICLE', 77]], 'driving'],
    [[['IN_ROAD_VEHICLE', 40], ['IN_RAIL_VEHICLE', 41], ['IN_VEHICLE', 42]], 'driving'],
    [[['ON_BICYCLE', 75], ['ON_FOOT', 10]], 'cycling'],
    [[['ON_FOOT', 92], ['WALKING', 92], ['RUNNING', 3]], 'walking'],
    [[['ON_FOOT', 92], ['RUNNING', 80], ['WALKING', 12]], 'running'],
    [[['ON_FOOT', 60]], 'walking'],
    [[['UNKNOWN', 60], ['STILL', 20]], undefined],
    [[['TILTING', 100], ['STILL', 20]], 'stationary'],
    [[['TILTING', 100]], undefined],
    [[['EXITING_VEHICLE', 100]], undefined],
    [[], undefined],
  ])('reads %j as %s', (guesses, motion) => {
    expect(motionFromActivity([reading(guesses)])).toBe(motion);
  }); // prettier-ignore

  it('returns the likeliest motion of several readings', () => {
    expect(motionFromActivity([reading([['STILL', 50]]), reading([['UNKNOWN', 90]])])).toBe('stationary');
    expect(motionFromActivity([reading([['STILL', 50]]), reading([['ON_BICYCLE', 51]])])).toBe('cycling');
  });

  it('reads the names used until 2017', () => {
    for (const [type, motion] of [
      ['still', 'stationary'],
      ['inVehicle', 'driving'],
      ['onFoot', 'walking'],
      ['onBicycle', 'cycling'],
    ] as const) {
      expect(motionFromActivity([{ activities: [{ type, confidence: 100 }] }])).toBe(motion);
    }
  });

  it('returns undefined for anything else', () => {
    for (const value of [
      undefined,
      null,
      'STILL',
      {},
      [null],
      [7],
      [{ activity: {} }],
      [{ activity: [1] }],
    ]) {
      expect(motionFromActivity(value)).toBeUndefined();
    }
    expect(motionFromActivity([{ activity: [{ type: 7, confidence: 'x' }, {}] }])).toBeUndefined();
  });
});
