import { registerEnumType } from '@nestjs/graphql';
import { DomainError } from '../common/errors/domain-error.js';

/** How finely history is asked for and told. */
export enum HistoryResolution {
  AUTO = 'AUTO',
  RAW = 'RAW',
  HOURLY = 'HOURLY',
  DAILY = 'DAILY',
}

registerEnumType(HistoryResolution, {
  name: 'HistoryResolution',
  description:
    'How finely history is told. Each is whole: where its own rows are no longer kept, it has days; each row says which it is.',
  valuesMap: {
    AUTO: {
      description: 'By the range: RAW up to 6 hours, HOURLY up to 7 days, else DAILY. Never that of a row.',
    },
    RAW: { description: 'Every report, for as long as raw reports are kept.' },
    HOURLY: { description: 'Hours, for as long as they are kept: yesterday and today.' },
    DAILY: { description: 'Days.' },
  },
});

/** One that rows can have. */
export type StoredResolution = Exclude<HistoryResolution, HistoryResolution.AUTO>;

const HOUR = 3_600_000;
const LONGEST_RAW = 6 * HOUR;
const LONGEST_HOURLY = 7 * 24 * HOUR;

/**
 * The resolution that a range is answered in.
 *
 * @param inZone days of a time zone are asked for, of UTC too; they are days, so nothing else can be.
 * @throws DomainError `BAD_USER_INPUT` when that is contradictory.
 */
export function resolve(
  asked: HistoryResolution,
  range: { start: Date; end: Date },
  inZone = false,
): StoredResolution {
  if (inZone && asked !== HistoryResolution.AUTO && asked !== HistoryResolution.DAILY) {
    throw new DomainError('BAD_USER_INPUT', `timeZone goes with days, not with ${asked}`, {
      details: { argument: 'timeZone' },
    });
  }
  if (asked !== HistoryResolution.AUTO) return asked;
  const length = Math.min(range.end.getTime(), Date.now()) - range.start.getTime();
  if (inZone || length > LONGEST_HOURLY) return HistoryResolution.DAILY;
  return length > LONGEST_RAW ? HistoryResolution.HOURLY : HistoryResolution.RAW;
}
