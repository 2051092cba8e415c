import { Field, InputType } from '@nestjs/graphql';
import { IsEnum, IsMACAddress, IsOptional, Matches } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { ADVERTISEMENT_KEY, HASHED_KEY, IsTrackerName } from './tracker-fields.js';

@InputType({
  description: 'A tracker to register. One of advertisementKey and hashedAdvertisementKey is needed.',
})
export class CreateTrackerInput {
  @Field(() => String, { description: 'Unique name, 1 to 200 characters.' })
  @IsTrackerName()
  name!: string;

  @Field(() => String, { nullable: true, description: 'Public key that it advertises: base64 of 28 bytes.' })
  @IsOptional()
  @Matches(ADVERTISEMENT_KEY, { message: 'advertisementKey must be base64 of 28 bytes' })
  advertisementKey?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'base64(SHA-256(advertisement key)), where the key itself is not known.',
  })
  @IsOptional()
  @Matches(HASHED_KEY, { message: 'hashedAdvertisementKey must be base64 of 32 bytes' })
  hashedAdvertisementKey?: string | null;

  @Field(() => String, { nullable: true, description: 'Bluetooth address.' })
  @IsOptional()
  @IsMACAddress()
  macAddress?: string | null;

  @Field(() => TrackerStatus, { nullable: true, description: 'CREATED where not given.' })
  @IsOptional()
  @IsEnum(TrackerStatus)
  currentStatus?: TrackerStatus | null;
}
