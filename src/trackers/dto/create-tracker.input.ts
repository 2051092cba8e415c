import { Field, InputType } from '@nestjs/graphql';
import { IsEnum, IsMACAddress, IsOptional, Matches } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { ADVERTISEMENT_KEY, HASHED_ADVERTISEMENT_KEY, IsTrackerName } from './tracker-fields.js';

@InputType({
  description: 'A tracker to register. advertisementKey or hashedAdvertisementKey is required.',
})
export class CreateTrackerInput {
  @Field(() => String, { description: 'Unique name, 1 to 200 characters.' })
  @IsTrackerName()
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Public key that the tracker advertises: base64 of 28 bytes.',
  })
  @IsOptional()
  @Matches(ADVERTISEMENT_KEY, { message: 'advertisementKey must be base64 of 28 bytes' })
  advertisementKey?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'base64(SHA-256(advertisement key)), if the key itself is not known.',
  })
  @IsOptional()
  @Matches(HASHED_ADVERTISEMENT_KEY, { message: 'hashedAdvertisementKey must be base64 of 32 bytes' })
  hashedAdvertisementKey?: string | null;

  @Field(() => String, { nullable: true, description: 'Bluetooth address, e.g. "AA:BB:CC:DD:EE:FF".' })
  @IsOptional()
  @IsMACAddress()
  macAddress?: string | null;

  @Field(() => TrackerStatus, { nullable: true, description: 'Current status; CREATED by default.' })
  @IsOptional()
  @IsEnum(TrackerStatus)
  currentStatus?: TrackerStatus | null;
}
