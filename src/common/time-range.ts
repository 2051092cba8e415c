import { DomainError } from './errors/domain-error.js';

/** Half-open: includes `start`, excludes `end`. */
export interface TimeRange {
  start: Date;
  end: Date;
}

/** Creates a range. @throws DomainError `BAD_USER_INPUT` unless `start` is before `end`. */
export function timeRange(start: Date, end: Date): TimeRange {
  if (start >= end) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `startTime (${start.toISOString()}) must be before endTime (${end.toISOString()})`,
      { details: { argument: 'endTime' } },
    );
  }
  return { start, end };
}
