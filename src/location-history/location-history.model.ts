import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { resolutionOf } from './bucket-size.js';
import { HistoryResolution, type RowResolution } from './history-resolution.js';
import type { LocationHistoryRow } from './location-history.row.js';
import { telemetryModel } from './telemetry.model.js';

@ObjectType({ description: 'A point on the globe, WGS 84.' })
export class Coordinates {
  @Field(() => Float, { description: 'Degrees north, -90 to 90.' })
  latitude!: number;

  @Field(() => Float, { description: 'Degrees east, -180 to 180.' })
  longitude!: number;
}

/** Appended to descriptions: which report of its bucket a row shows. */
const RULE = 'A row shows the newest precise report of its bucket, or its newest report if none is precise.';

@ObjectType('LocationHistory', {
  description: `Where a tracker was in an hour or a day. ${RULE} firstReportAt, lastReportAt, reportCount and maxConfidence cover all reports of the bucket. In the resolution RAW a row is a single report.`,
})
export class LocationHistoryModel extends telemetryModel(RULE) {
  @Field(() => ID, {
    description: 'Stable id: tracker id, bucket size and start of the bucket in seconds since 1970.',
  })
  id!: string;

  @Field(() => Date, {
    description:
      'Start of the bucket: of an hour or a day in UTC, or of a day in the time zone of the query.',
  })
  timestamp!: Date;

  @Field(() => String, { description: '"1 hour" or "1 day", or "raw" for a single report.' })
  bucketSize!: string;

  @Field(() => HistoryResolution, { description: 'Resolution of this row: RAW, HOURLY or DAILY.' })
  resolution!: RowResolution;

  @Field(() => Boolean, {
    description:
      'Whether the row covers all reports of its bucket and no others. False for a day in a time zone if only UTC days of that time are kept: the row is then the UTC day of the same date.',
  })
  exact!: boolean;

  @Field(() => Coordinates, {
    description: 'Location of the report that the row shows, never an average.',
    complexity: COST_OF_PART,
  })
  location!: Coordinates;

  @Field(() => String, {
    nullable: true,
    description: 'Nearest city; null while it is unknown, or if there is none nearby.',
  })
  nearestCity!: string | null;

  @Field(() => Date, { description: `Time of the report that the row shows. ${RULE}` })
  locatedAt!: Date;

  @Field(() => Boolean, {
    description: `Whether the report that the row shows was imprecise: its accuracy radius was above MAX_ACCURACY_METERS when it was ingested. ${RULE}`,
  })
  imprecise!: boolean;

  @Field(() => Date, { description: 'Time of the newest report of the bucket, precise or not.' })
  lastReportAt!: Date;

  @Field(() => Date, { description: 'Time of the oldest report of the bucket, precise or not.' })
  firstReportAt!: Date;

  @Field(() => Int, { description: 'Number of reports in the bucket, each counted once.' })
  reportCount!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'Confidence of the report that the row shows, 0 to 255 (usually 1 to 3).',
  })
  confidence!: number | null;

  @Field(() => Int, { nullable: true, description: 'Greatest confidence of all reports of the bucket.' })
  maxConfidence!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Accuracy radius of the report that the row shows, in metres.',
  })
  horizontalAccuracy!: number | null;

  @Field(() => Int, { nullable: true, description: 'Status byte of the report that the row shows.' })
  status!: number | null;

  @Field(() => String, { description: 'Source of the report that the row shows, e.g. "find-my" or "api".' })
  source!: string;

  /** Not a field of the API; the resolver of `tracker` reads it. */
  trackerId!: string;
}

/** Modifies the row instead of copying it: copying the 40,000 rows of a fleet took longer than reading them. */
export function toLocationHistoryModel(row: LocationHistoryRow): LocationHistoryModel {
  const { latitude, longitude, bucketSize, exact = true } = row;
  return Object.assign(row, {
    location: { latitude, longitude },
    resolution: resolutionOf(bucketSize) ?? HistoryResolution.RAW,
    exact,
  });
}
