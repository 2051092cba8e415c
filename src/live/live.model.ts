import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { Coordinates } from '../location-history/location-history.model.js';
import { telemetryModel } from '../location-history/telemetry.model.js';
import { TrackerStatus } from '../trackers/tracker-status.enum.js';
import type { LiveUpdate } from './live.repository.js';

@ObjectType('LocationUpdate', { description: 'A report of where a tracker is, newer than those before it.' })
export class LocationUpdateModel extends telemetryModel() {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => String, { description: 'Its name.' })
  trackerName!: string;

  @Field(() => Date, {
    description: 'When it was there. The last one that a client got is what it resumes with, as `since`.',
  })
  timestamp!: Date;

  @Field(() => Coordinates, { description: 'Where it was.' })
  location!: Coordinates;

  @Field(() => String, {
    nullable: true,
    description: 'Nearest city, where the report brought it along; geocoding comes later than this.',
  })
  nearestCity!: string | null;

  @Field(() => Int, { nullable: true, description: 'Confidence as reported, 0 to 255 (usually 1 to 3).' })
  confidence!: number | null;

  @Field(() => Float, { nullable: true, description: 'Radius in metres.' })
  horizontalAccuracy!: number | null;

  @Field(() => Boolean, {
    description: 'Whether its accuracy was above MAX_ACCURACY_METERS when it came in.',
  })
  imprecise!: boolean;

  @Field(() => Int, { nullable: true, description: 'Status byte as reported.' })
  status!: number | null;

  @Field(() => String, { description: 'What brought the report.' })
  source!: string;
}

@ObjectType('StatusChange', { description: 'A status that a tracker got.' })
export class StatusChangeModel {
  @Field(() => ID, { description: 'Id of the entry of its status history.' })
  id!: string;

  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => String, { description: 'Its name.' })
  trackerName!: string;

  @Field(() => TrackerStatus, { description: 'The status that it has now.' })
  status!: TrackerStatus;

  @Field(() => TrackerStatus, { description: 'The one that it had before.' })
  previousStatus!: TrackerStatus;

  @Field(() => Date, { description: 'When that changed.' })
  timestamp!: Date;

  @Field(() => String, { nullable: true, description: 'Who changed it, where that was said.' })
  changedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why, where that was said.' })
  reason!: string | null;
}

export function toLocationUpdateModel({ latitude, longitude, ...update }: LiveUpdate): LocationUpdateModel {
  return { ...update, location: { latitude, longitude } };
}
