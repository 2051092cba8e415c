import { Field, Float, ID, InputType, Int } from '@nestjs/graphql';
import { IsOptional } from 'class-validator';
import type { Motion } from '../../common/telemetry.js';
import { IsText } from '../../trackers/dto/tracker-fields.js';
import { MotionEnum } from '../telemetry.model.js';

@InputType({ description: 'A report of where a tracker was.' })
export class CreateLocationReportInput {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'Time of the report; stored with millisecond precision.' })
  timestamp!: Date;

  @Field(() => Float, { description: 'Degrees north, -90 to 90.' })
  latitude!: number;

  @Field(() => Float, { description: 'Degrees east, -180 to 180.' })
  longitude!: number;

  @Field(() => Int, { nullable: true, description: 'Confidence, 0 to 255 (usually 1 to 3).' })
  confidence?: number | null;

  @Field(() => Float, { nullable: true, description: 'Accuracy radius in metres, 0 to 20,037,508.' })
  horizontalAccuracy?: number | null;

  @Field(() => Int, { nullable: true, description: 'Status byte, 0 to 255.' })
  status?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Nearest city, if known; 1 to 200 characters.',
  })
  @IsOptional()
  @IsText(1, 200)
  nearestCity?: string | null;

  @Field(() => Float, { nullable: true, description: 'Metres above sea level, -12,000 to 100,000.' })
  altitude?: number | null;

  @Field(() => Float, { nullable: true, description: 'Speed in metres per second, 0 to 1000.' })
  speed?: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Direction of travel in degrees clockwise from north, 0 to below 360.',
  })
  course?: number | null;

  @Field(() => Int, { nullable: true, description: 'Battery level of the device in percent, 0 to 100.' })
  battery?: number | null;

  @Field(() => MotionEnum, { nullable: true, description: 'Motion that the device reports.' })
  motion?: Motion | null;
}
