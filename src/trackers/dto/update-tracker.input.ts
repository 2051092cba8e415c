import { Field, InputType } from '@nestjs/graphql';
import { IsEnum, IsMACAddress, IsOptional, Matches, ValidateIf } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { ADVERTISEMENT_KEY, IsTrackerName } from './tracker-fields.js';

@InputType({ description: 'What to change of a tracker; what is not given stays.' })
export class UpdateTrackerInput {
  @Field(() => String, { nullable: true, description: 'Unique name, 1 to 200 characters.' })
  @ValidateIf((input: UpdateTrackerInput) => input.name !== undefined)
  @IsTrackerName()
  name?: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Public key that it advertises, base64 of 28 bytes, where only its hash was known. Another key is another tracker: history is kept by key.',
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
    description: 'Its status from now on; setTrackerStatus also takes who and why.',
  })
  @IsOptional()
  @IsEnum(TrackerStatus)
  currentStatus?: TrackerStatus | null;
}
