import { Field, ID, ObjectType, registerEnumType } from '@nestjs/graphql';
import { TrackerStatus } from './tracker-status.enum.js';
import type { TrackerEntity } from './tracker.entity.js';

registerEnumType(TrackerStatus, {
  name: 'TrackerStatus',
  description: 'Stage in the life cycle of a tracked item.',
  valuesMap: {
    CREATED: { description: 'Registered, not yet shipped.' },
    IN_TRANSIT: { description: 'In transit.' },
    IN_STORAGE: { description: 'In storage.' },
    DELIVERED: { description: 'Delivered.' },
  },
});

@ObjectType('Tracker', { description: 'A small BLE tracker, and the item that it is attached to.' })
export class TrackerModel {
  @Field(() => ID, { description: 'Stable id, assigned by the database.' })
  id!: string;

  @Field(() => String, { description: 'Unique name.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Public key that the tracker advertises, base64; null if only its hash is known.',
  })
  advertisementKey!: string | null;

  @Field(() => String, { description: 'base64(SHA-256(advertisement key)): the key that its reports carry.' })
  hashedAdvertisementKey!: string;

  @Field(() => String, { nullable: true, description: 'Bluetooth address, if known.' })
  macAddress!: string | null;

  @Field(() => TrackerStatus, { description: 'Current status.' })
  currentStatus!: TrackerStatus;

  @Field(() => Date, {
    nullable: true,
    description: 'When a report of the tracker was last ingested, to the minute.',
  })
  lastReportReceived!: Date | null;

  @Field(() => Date, {
    nullable: true,
    description: 'When reports of the tracker were last requested from their source.',
  })
  lastReportRequested!: Date | null;

  @Field(() => Date, { description: 'When the tracker was registered.' })
  createdAt!: Date;

  @Field(() => Date, { description: 'When its registration last changed.' })
  updatedAt!: Date;
}

export function toTrackerModel({ hashedAdvKey, ...rest }: TrackerEntity): TrackerModel {
  return { ...rest, hashedAdvertisementKey: hashedAdvKey };
}
