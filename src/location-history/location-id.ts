import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { BUCKET_SIZES, type BucketSize, type RowSize } from './bucket-size.js';

/** What the id of a history row says: "trackerId:bucketSize:epoch", in seconds, of a report with its milliseconds. */
export interface LocationId {
  trackerId: string;
  bucketSize: RowSize;
  start: Date;
}

const FORM = /^(\d{1,19}):([^:]+):(-?\d{1,11}(?:\.\d{3})?)(:.+)?$/;
const SIZES: readonly RowSize[] = [...BUCKET_SIZES, 'raw'];
const SECONDS: Readonly<Record<BucketSize, number>> = { '1 hour': 3_600, '1 day': 86_400 };

/** @throws DomainError `BAD_USER_INPUT` that names the argument and the id. */
export function parseLocationId(id: string, argument: string): LocationId {
  const [, tracker = '', size, epoch = '', zone] = FORM.exec(id) ?? [];
  const bucketSize = SIZES.find((known) => known === size);
  if (!bucketSize || !isStartOf(bucketSize, epoch)) {
    throw wrong(argument, `must be ids of locations, as "1:1 day:1795219200", not ${JSON.stringify(id)}`);
  }
  if (zone !== undefined) {
    throw wrong(
      argument,
      `cannot be days of a time zone (${JSON.stringify(id)}), which are made of rows and are none: give days of UTC, or hours`,
    );
  }
  return {
    trackerId: parseId(tracker, argument),
    bucketSize,
    start: new Date(Math.round(Number(epoch) * 1000)),
  };
}

/** As the database writes it, see history_row_id(). */
export function formatLocationId({ trackerId, bucketSize, start }: LocationId): string {
  const seconds = start.getTime() / 1000;
  return `${trackerId}:${bucketSize}:${bucketSize === 'raw' ? seconds.toFixed(3) : seconds}`;
}

function isStartOf(size: RowSize, epoch: string): boolean {
  const hasMilliseconds = epoch.includes('.');
  return size === 'raw' ? hasMilliseconds : !hasMilliseconds && Number(epoch) % SECONDS[size] === 0;
}

function wrong(argument: string, message: string): DomainError {
  return new DomainError('BAD_USER_INPUT', `${argument} ${message}`, { details: { argument } });
}
