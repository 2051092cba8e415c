import { Field, ID, ObjectType, registerEnumType } from '@nestjs/graphql';
import { TrackerStatus } from './tracker-status.enum.js';
import type { TrackerEntity } from './tracker.entity.js';

registerEnumType(TrackerStatus, {
  name: 'TrackerStatus',
  description: 'Where a tracked thing is in its life.',
  valuesMap: {
    CREATED: { description: 'Registered; not under way yet.' },
    IN_TRANSIT: { description: 'Under way.' },
    IN_STORAGE: { description: 'Kept at a storage location.' },
    DELIVERED: { description: 'Arrived.' },
  },
});

@ObjectType('Tracker', { description: 'A small BLE tracker, and the thing that it is attached to.' })
export class TrackerModel {
  @Field(() => ID, { description: 'Given by the database; stays the same.' })
  id!: string;

  @Field(() => String, { description: 'Unique name.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Public key that it advertises, base64; null where only its hash is known.',
  })
  advertisementKey!: string | null;

  @Field(() => String, { description: 'base64(SHA-256(advertisement key)): the id that its reports carry.' })
  hashedAdvertisementKey!: string;

  @Field(() => String, { nullable: true, description: 'Bluetooth address, where known.' })
  macAddress!: string | null;

  @Field(() => TrackerStatus, { description: 'Where it is in its life.' })
  currentStatus!: TrackerStatus;

  @Field(() => Date, { nullable: true, description: 'When a report of it was last taken in, to the minute.' })
  lastReportReceived!: Date | null;

  @Field(() => Date, { nullable: true, description: 'When its source was last asked for reports.' })
  lastReportRequested!: Date | null;

  @Field(() => Date, { description: 'When it was registered.' })
  createdAt!: Date;

  @Field(() => Date, { description: 'When its registration last changed.' })
  updatedAt!: Date;
}

export function toTrackerModel({ hashedAdvKey, ...rest }: TrackerEntity): TrackerModel {
  return { ...rest, hashedAdvertisementKey: hashedAdvKey };
}
