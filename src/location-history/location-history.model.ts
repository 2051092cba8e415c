import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import type { RowSize } from './bucket-size.js';
import { HistoryResolution, type StoredResolution } from './history-resolution.js';
import type { LocationHistoryRow } from './location-history.row.js';
import { telemetryModel } from './telemetry.model.js';

@ObjectType({ description: 'A point on the globe, WGS 84.' })
export class Coordinates {
  @Field(() => Float, { description: 'Degrees north, -90 to 90.' })
  latitude!: number;

  @Field(() => Float, { description: 'Degrees east, -180 to 180.' })
  longitude!: number;
}

/** Which report a row is of. */
const RULE = 'The row shows the newest precise report of its bucket, or the newest where none is precise.';

@ObjectType('LocationHistory', {
  description: `Where a tracker was in an hour or a day. ${RULE} First and last report, count and greatest confidence are of all reports of the bucket. Where raw reports were asked for, a row is a single report.`,
})
export class LocationHistoryModel extends telemetryModel(RULE) {
  @Field(() => ID, {
    description: 'Stays the same: tracker id, bucket size and start of the bucket, in seconds since 1970.',
  })
  id!: string;

  @Field(() => Date, {
    description:
      'Start of the bucket: of an hour or a day UTC, or of a day of the time zone that was asked for.',
  })
  timestamp!: Date;

  @Field(() => String, { description: '"1 hour" or "1 day"; "raw" for a single report.' })
  bucketSize!: string;

  @Field(() => HistoryResolution, { description: 'RAW, HOURLY or DAILY: what this row is.' })
  resolution!: StoredResolution;

  @Field(() => Boolean, {
    description:
      'Whether the row is of all reports of its time and of no others. False for a day of a time zone of which only days UTC are kept: it is then of the day UTC of the same date.',
  })
  exact!: boolean;

  @Field(() => Coordinates, {
    description: 'Place of the report that the row shows, never an average.',
    complexity: COST_OF_PART,
  })
  location!: Coordinates;

  @Field(() => String, {
    nullable: true,
    description: 'Nearest city; null while unknown, and where there is none.',
  })
  nearestCity!: string | null;

  @Field(() => Date, { description: `Time of the report that the row shows. ${RULE}` })
  locatedAt!: Date;

  @Field(() => Boolean, {
    description: `Whether the accuracy of the report that the row shows was above MAX_ACCURACY_METERS when it came in. ${RULE}`,
  })
  imprecise!: boolean;

  @Field(() => Date, { description: 'Time of the newest report in the bucket, precise or not.' })
  lastReportAt!: Date;

  @Field(() => Date, { description: 'Time of the oldest report in the bucket.' })
  firstReportAt!: Date;

  @Field(() => Int, { description: 'Reports in the bucket, each counted once.' })
  reportCount!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'Confidence of the report that the row shows, 0 to 255 (usually 1 to 3).',
  })
  confidence!: number | null;

  @Field(() => Int, { nullable: true, description: 'Greatest confidence in the bucket.' })
  maxConfidence!: number | null;

  @Field(() => Float, { nullable: true, description: 'Radius of the report that the row shows, in metres.' })
  horizontalAccuracy!: number | null;

  @Field(() => Int, { nullable: true, description: 'Status byte of the report that the row shows.' })
  status!: number | null;

  @Field(() => String, { description: 'What brought the report that the row shows.' })
  source!: string;

  /** Not a field: resolved to `tracker`. */
  trackerId!: string;
}

const RESOLUTIONS: Readonly<Record<RowSize, StoredResolution>> = {
  raw: HistoryResolution.RAW,
  '1 hour': HistoryResolution.HOURLY,
  '1 day': HistoryResolution.DAILY,
};

/** The row itself becomes the model: to copy the 40,000 rows of a fleet took longer than to read them. */
export function toLocationHistoryModel(row: LocationHistoryRow): LocationHistoryModel {
  const { latitude, longitude, bucketSize, exact = true } = row;
  return Object.assign(row, {
    location: { latitude, longitude },
    resolution: RESOLUTIONS[bucketSize],
    exact,
  });
}
