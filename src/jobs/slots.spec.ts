import { describe, expect, it } from '@jest/globals';
import {
  checkCron,
  dueSlot,
  latestSlot,
  missedFrom,
  nextSlot,
  retryDelayMs,
  type ScheduleState,
} from './slots.js';

const HOURLY = '7 * * * *';
const at = (time: string): Date => new Date(`2026-11-23T${time}Z`);

describe('latestSlot', () => {
  it.each([
    ['10:06:59.999', '09:07:00'],
    ['10:07:00', '10:07:00'],
    ['10:07:00.001', '10:07:00'],
    ['11:06:59', '10:07:00'],
  ])('returns for minute 7, at %s, %s', (now, slot) => {
    expect(latestSlot(HOURLY, at(now))).toEqual(at(slot));
  });

  it('uses UTC, whatever the time zone of the process', () => {
    expect(latestSlot('0 */6 * * *', at('11:59:59'))).toEqual(at('06:00:00'));
    expect(latestSlot('30 2 * * *', new Date('2026-03-29T03:00:00Z'))).toEqual(
      new Date('2026-03-29T02:30:00Z'),
    );
  });
});

it('nextSlot returns the first slot after a moment', () => {
  expect(nextSlot(HOURLY, at('10:07:00'))).toEqual(at('11:07:00'));
  expect(nextSlot(HOURLY, at('10:06:59.999'))).toEqual(at('10:07:00'));
});

describe('dueSlot', () => {
  const state = (changes: Partial<ScheduleState>): ScheduleState => ({
    now: at('10:30:00'),
    slot: null,
    outcome: null,
    retryAt: null,
    ...changes,
  });

  it('returns the newest slot if none or only an earlier one was started', () => {
    expect(dueSlot(HOURLY, state({}))).toEqual(at('10:07:00'));
    for (const outcome of ['done', 'failed', 'running'] as const) {
      const earlier = { slot: at('08:07:00'), outcome, retryAt: at('23:00:00') };
      expect(dueSlot(HOURLY, state(earlier))).toEqual(at('10:07:00'));
    }
  });

  it('returns null if the newest slot is done', () => {
    expect(dueSlot(HOURLY, state({ slot: at('10:07:00'), outcome: 'done' }))).toBeNull();
  });

  it('returns a failed slot when its retry is due', () => {
    const failed = { slot: at('10:07:00'), outcome: 'failed' as const };
    expect(dueSlot(HOURLY, state({ ...failed, retryAt: at('10:30:01') }))).toBeNull();
    expect(dueSlot(HOURLY, state({ ...failed, retryAt: at('10:30:00') }))).toEqual(at('10:07:00'));
  });

  it('returns a slot that is running, because only its lock shows whether its process is alive', () => {
    expect(dueSlot(HOURLY, state({ slot: at('10:07:00'), outcome: 'running' }))).toEqual(at('10:07:00'));
  });

  it('returns null if the clock was set back', () => {
    expect(dueSlot(HOURLY, state({ slot: at('12:07:00'), outcome: 'failed' }))).toBeNull();
  });
});

it('missedFrom returns the first slot after the last one that is done', () => {
  expect(missedFrom(HOURLY, at('10:07:00'), at('07:07:00'))).toEqual(at('08:07:00'));
  expect(missedFrom(HOURLY, at('10:07:00'), at('09:07:00'))).toBeNull();
  expect(missedFrom(HOURLY, at('10:07:00'), null)).toBeNull();
});

it('retryDelayMs doubles with every failure, up to half an hour', () => {
  expect([1, 2, 3, 7, 8, 100].map(retryDelayMs)).toEqual([
    30_000, 60_000, 120_000, 1_800_000, 1_800_000, 1_800_000,
  ]);
});

it('checkCron rejects an invalid cron expression', () => {
  expect(() => checkCron('every hour')).toThrow();
  expect(() => checkCron('61 * * * *')).toThrow();
});
