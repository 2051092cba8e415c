import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { BUCKET_SIZES, resolutionOf } from './bucket-size.js';
import { HistoryResolution, type RowResolution } from './history-resolution.js';

/** The parts of a row id, "trackerId:bucketSize:epoch"; the epoch is in seconds, with milliseconds for raw reports. */
export interface LocationId {
  trackerId: string;
  resolution: RowResolution;
  start: Date;
}

const ID_PATTERN = /^(\d{1,19}):([^:]+):(-?\d{1,11}(?:\.\d{3})?)(:.+)?$/;
const SECONDS = { [HistoryResolution.HOURLY]: 3_600, [HistoryResolution.DAILY]: 86_400 } as const;

/** @throws DomainError `BAD_USER_INPUT` that names the argument and the id. */
export function parseLocationId(id: string, argument: string): LocationId {
  const [, tracker = '', bucketSize = '', epoch = '', zone] = ID_PATTERN.exec(id) ?? [];
  const resolution = resolutionOf(bucketSize);
  if (!resolution || !isStartOf(resolution, epoch)) {
    throw invalid(
      argument,
      `must be ids of locations such as "1:1 day:1795219200", not ${JSON.stringify(id)}`,
    );
  }
  if (zone !== undefined) {
    throw invalid(
      argument,
      `cannot be days of a time zone (${JSON.stringify(id)}), which are not stored; pass ids of UTC days or of hours`,
    );
  }
  return {
    trackerId: parseId(tracker, argument),
    resolution,
    start: new Date(Math.round(Number(epoch) * 1000)),
  };
}

/** Formats an id as history_row_id() of the database does. */
export function formatLocationId({ trackerId, resolution, start }: LocationId): string {
  const seconds = start.getTime() / 1000;
  const epoch = resolution === HistoryResolution.RAW ? seconds.toFixed(3) : seconds;
  return `${trackerId}:${BUCKET_SIZES[resolution]}:${epoch}`;
}

function isStartOf(resolution: RowResolution, epoch: string): boolean {
  const hasMilliseconds = epoch.includes('.');
  if (resolution === HistoryResolution.RAW) return hasMilliseconds;
  return !hasMilliseconds && Number(epoch) % SECONDS[resolution] === 0;
}

function invalid(argument: string, message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', `${argument} ${message}`, { details: { argument } });
}
