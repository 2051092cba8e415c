import { registerEnumType } from '@nestjs/graphql';
import { DomainError } from '../common/errors/domain-error.js';

/** The resolution that a caller requests. */
export enum HistoryResolution {
  AUTO = 'AUTO',
  RAW = 'RAW',
  HOURLY = 'HOURLY',
  DAILY = 'DAILY',
}

registerEnumType(HistoryResolution, {
  name: 'HistoryResolution',
  description:
    'Resolution of history. Times for which its rows are no longer kept have daily rows; each row states its resolution.',
  valuesMap: {
    AUTO: {
      description:
        'Chosen by the length of the range: RAW up to 6 hours, HOURLY up to 7 days, else DAILY. Never the resolution of a row.',
    },
    RAW: { description: 'Every report, for as long as raw reports are kept.' },
    HOURLY: { description: 'One row per hour, for as long as hours are kept: yesterday and today.' },
    DAILY: { description: 'One row per day.' },
  },
});

/** The resolution of a row. */
export type RowResolution = Exclude<HistoryResolution, HistoryResolution.AUTO>;

const HOUR = 3_600_000;
const LONGEST_RAW = 6 * HOUR;
const LONGEST_HOURLY = 7 * 24 * HOUR;

/**
 * Chooses the resolution of an answer.
 *
 * @param hasTimeZone whether the caller passed a time zone, even UTC; only DAILY supports one.
 * @throws DomainError `BAD_USER_INPUT` when `requested` contradicts the time zone.
 */
export function chooseResolution(
  requested: HistoryResolution,
  range: { start: Date; end: Date },
  hasTimeZone = false,
): RowResolution {
  if (hasTimeZone && requested !== HistoryResolution.AUTO && requested !== HistoryResolution.DAILY) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `timeZone requires the resolution DAILY or AUTO, not ${requested}`,
      { details: { argument: 'timeZone' } },
    );
  }
  if (requested !== HistoryResolution.AUTO) return requested;
  const length = Math.min(range.end.getTime(), Date.now()) - range.start.getTime();
  if (hasTimeZone || length > LONGEST_HOURLY) return HistoryResolution.DAILY;
  return length > LONGEST_RAW ? HistoryResolution.HOURLY : HistoryResolution.RAW;
}
