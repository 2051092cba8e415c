import { Field, Float, InputType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsEnum, IsOptional, Max, Min, ValidateNested } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { IsText } from './tracker-fields.js';

@InputType({
  description: 'A box on the map. If west is greater than east, the box crosses the antimeridian.',
})
export class BoundingBoxInput {
  @Field(() => Float, { description: 'Latitude of the southern edge, -90 to 90.' })
  @Min(-90)
  @Max(90)
  south!: number;

  @Field(() => Float, { description: 'Longitude of the western edge, -180 to 180.' })
  @Min(-180)
  @Max(180)
  west!: number;

  @Field(() => Float, { description: 'Latitude of the northern edge, -90 to 90.' })
  @Min(-90)
  @Max(90)
  north!: number;

  @Field(() => Float, { description: 'Longitude of the eastern edge, -180 to 180.' })
  @Min(-180)
  @Max(180)
  east!: number;
}

@InputType({ description: 'Selects the trackers that match all given fields.' })
export class TrackerFilter {
  @Field(() => String, { nullable: true, description: 'The name contains this text; case does not matter.' })
  @IsOptional()
  @IsText(1, 200)
  name?: string | null;

  @Field(() => [TrackerStatus], { nullable: true, description: 'The current status is one of these.' })
  @IsOptional()
  @IsEnum(TrackerStatus, { each: true })
  currentStatuses?: TrackerStatus[] | null;

  @Field(() => BoundingBoxInput, { nullable: true, description: 'The newest location is in this box.' })
  @IsOptional()
  @ValidateNested()
  @Type(() => BoundingBoxInput)
  box?: BoundingBoxInput | null;

  @Field(() => String, {
    nullable: true,
    description: 'Full name of the nearest city of the newest location; case does not matter.',
  })
  @IsOptional()
  @IsText(1, 200)
  city?: string | null;

  @Field(() => Date, { nullable: true, description: 'The newest report is from this time or later.' })
  lastSeenAfter?: Date | null;

  @Field(() => Date, {
    nullable: true,
    description: 'The tracker has reports, and the newest one is older than this time.',
  })
  lastSeenBefore?: Date | null;
}
