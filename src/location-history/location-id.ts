import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { BUCKET_SIZES, type BucketSize } from './bucket-size.js';

/** What the id of a history row says: "trackerId:bucketSize:epoch". */
export interface LocationId {
  trackerId: string;
  bucketSize: BucketSize;
  start: Date;
}

const FORM = /^(\d{1,19}):([^:]+):(-?\d{1,11})$/;
const SECONDS: Readonly<Record<BucketSize, number>> = { '1 hour': 3_600, '1 day': 86_400 };

/** @throws DomainError `BAD_USER_INPUT` that names the argument and the id. */
export function parseLocationId(id: string, argument: string): LocationId {
  const [, tracker = '', size, epoch = ''] = FORM.exec(id) ?? [];
  const bucketSize = BUCKET_SIZES.find((known) => known === size);
  if (!bucketSize || Number(epoch) % SECONDS[bucketSize] !== 0) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `${argument} must be ids of locations, as "1:1 day:1795219200", not ${JSON.stringify(id)}`,
      { details: { argument } },
    );
  }
  return { trackerId: parseId(tracker, argument), bucketSize, start: new Date(Number(epoch) * 1000) };
}
