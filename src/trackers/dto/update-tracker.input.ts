import { Field, InputType } from '@nestjs/graphql';
import { IsEnum, IsMACAddress, IsOptional, Matches, ValidateIf } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { ADVERTISEMENT_KEY, IsTrackerName } from './tracker-fields.js';

@InputType({ description: 'Changes to a tracker; omitted fields stay unchanged.' })
export class UpdateTrackerInput {
  @Field(() => String, { nullable: true, description: 'Unique name, 1 to 200 characters.' })
  @ValidateIf((input: UpdateTrackerInput) => input.name !== undefined)
  @IsTrackerName()
  name?: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Public key that the tracker advertises, base64 of 28 bytes, if only its hash was known so far. It must match the hash: history is kept by key, so another key needs another tracker.',
  })
  @IsOptional()
  @Matches(ADVERTISEMENT_KEY, { message: 'advertisementKey must be base64 of 28 bytes' })
  advertisementKey?: string | null;

  @Field(() => String, { nullable: true, description: 'Bluetooth address; null removes it.' })
  @IsOptional()
  @IsMACAddress()
  macAddress?: string | null;

  @Field(() => TrackerStatus, {
    nullable: true,
    description: 'New status, from now on; setTrackerStatus also records who changed it and why.',
  })
  @IsOptional()
  @IsEnum(TrackerStatus)
  currentStatus?: TrackerStatus | null;
}
