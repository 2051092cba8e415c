import { ArgsType, Field, Float, Int } from '@nestjs/graphql';
import { Max, Min } from 'class-validator';

@ArgsType()
export class TrackersNearArgs {
  @Field(() => Float, { description: 'Degrees north, -90 to 90.' })
  @Min(-90)
  @Max(90)
  latitude!: number;

  @Field(() => Float, { description: 'Degrees east, -180 to 180.' })
  @Min(-180)
  @Max(180)
  longitude!: number;

  @Field(() => Float, { description: 'Maximum distance in metres, 0 to 20,037,508.' })
  @Min(0)
  @Max(20_037_508)
  radiusMeters!: number;

  @Field(() => Int, { defaultValue: 100, description: 'Maximum number of trackers, 1 to 10,000.' })
  @Min(1)
  @Max(10_000)
  limit = 100;
}
