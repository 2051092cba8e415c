import { Field, Float, InputType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsEnum, IsOptional, Max, Min, ValidateNested } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { IsText } from './tracker-fields.js';

@InputType({
  description: 'A box on the map. Where west is greater than east it lies over the antimeridian.',
})
export class BoundingBoxInput {
  @Field(() => Float, { description: 'Least latitude, -90 to 90.' })
  @Min(-90)
  @Max(90)
  south!: number;

  @Field(() => Float, { description: 'Longitude of the western edge, -180 to 180.' })
  @Min(-180)
  @Max(180)
  west!: number;

  @Field(() => Float, { description: 'Greatest latitude, -90 to 90.' })
  @Min(-90)
  @Max(90)
  north!: number;

  @Field(() => Float, { description: 'Longitude of the eastern edge, -180 to 180.' })
  @Min(-180)
  @Max(180)
  east!: number;
}

@InputType({ description: 'Which trackers are meant; what is not given asks for nothing.' })
export class TrackerFilter {
  @Field(() => String, { nullable: true, description: 'Part of the name, in capitals or not.' })
  @IsOptional()
  @IsText(1, 200)
  name?: string | null;

  @Field(() => [TrackerStatus], { nullable: true, description: 'One of these is its status now.' })
  @IsOptional()
  @IsEnum(TrackerStatus, { each: true })
  currentStatuses?: TrackerStatus[] | null;

  @Field(() => BoundingBoxInput, { nullable: true, description: 'Its newest place lies in this box.' })
  @IsOptional()
  @ValidateNested()
  @Type(() => BoundingBoxInput)
  box?: BoundingBoxInput | null;

  @Field(() => String, { nullable: true, description: 'The nearest city of its newest place, whole.' })
  @IsOptional()
  @IsText(1, 200)
  city?: string | null;

  @Field(() => Date, { nullable: true, description: 'Its newest report is of this time or a later one.' })
  lastSeenAfter?: Date | null;

  @Field(() => Date, { nullable: true, description: 'It has reports, and the newest is of an earlier time.' })
  lastSeenBefore?: Date | null;
}
