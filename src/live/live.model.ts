import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { Coordinates } from '../location-history/location-history.model.js';
import { telemetryModel } from '../location-history/telemetry.model.js';
import { TrackerStatus } from '../trackers/tracker-status.enum.js';
import type { LiveUpdate } from './live.repository.js';

@ObjectType('LocationUpdate', { description: 'A new report of a tracker.' })
export class LocationUpdateModel extends telemetryModel() {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => String, { description: 'Name of the tracker.' })
  trackerName!: string;

  @Field(() => Date, {
    description:
      'Time of the report. To resume, a client passes the timestamp of its last update as `since`.',
  })
  timestamp!: Date;

  @Field(() => Coordinates, { description: 'Location of the tracker at that time.' })
  location!: Coordinates;

  @Field(() => String, {
    nullable: true,
    description: 'Nearest city, if the report contains one; geocoding runs after the update is sent.',
  })
  nearestCity!: string | null;

  @Field(() => Int, { nullable: true, description: 'Confidence as reported, 0 to 255 (usually 1 to 3).' })
  confidence!: number | null;

  @Field(() => Float, { nullable: true, description: 'Accuracy radius in metres.' })
  horizontalAccuracy!: number | null;

  @Field(() => Boolean, {
    description:
      'Whether the report was imprecise: its accuracy radius was above MAX_ACCURACY_METERS when it was ingested.',
  })
  imprecise!: boolean;

  @Field(() => Int, { nullable: true, description: 'Status byte as reported.' })
  status!: number | null;

  @Field(() => String, { description: 'Source of the report, e.g. "find-my" or "api".' })
  source!: string;
}

@ObjectType('StatusChange', { description: 'A change of the status of a tracker.' })
export class StatusChangeModel {
  @Field(() => ID, { description: 'Id of the entry in the status history.' })
  id!: string;

  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => String, { description: 'Name of the tracker.' })
  trackerName!: string;

  @Field(() => TrackerStatus, { description: 'New status.' })
  status!: TrackerStatus;

  @Field(() => TrackerStatus, { description: 'Status before the change.' })
  previousStatus!: TrackerStatus;

  @Field(() => Date, { description: 'When the status changed.' })
  timestamp!: Date;

  @Field(() => String, { nullable: true, description: 'Who changed it, if known.' })
  changedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was changed, if known.' })
  reason!: string | null;
}

export function toLocationUpdateModel({ latitude, longitude, ...update }: LiveUpdate): LocationUpdateModel {
  return { ...update, location: { latitude, longitude } };
}
