import { ArgsType, Field, Int } from '@nestjs/graphql';
import { IsEnum, IsOptional, IsString, Max, Min } from 'class-validator';
import { MAX_ROWS } from '../../common/graphql/connection.js';
import { TrackerTimeRangeArgs } from '../../trackers/dto/tracker-time-range.args.js';
import { HistoryResolution } from '../history-resolution.js';

@ArgsType()
export class LocationHistoryArgs extends TrackerTimeRangeArgs {
  @Field(() => HistoryResolution, {
    defaultValue: HistoryResolution.AUTO,
    description: 'How finely; by the range where not given.',
  })
  @IsEnum(HistoryResolution)
  resolution = HistoryResolution.AUTO;

  @Field(() => String, {
    nullable: true,
    description: 'Days of this time zone, e.g. "Europe/Berlin". Goes with days: AUTO is DAILY with it.',
  })
  @IsOptional()
  @IsString()
  timeZone?: string | null;

  @Field(() => Int, {
    defaultValue: 1000,
    description: 'How many rows at most, 1 to 10,000; longer ranges are thinned.',
  })
  @Min(1)
  @Max(MAX_ROWS)
  maxPoints = 1000;

  @Field(() => Int, {
    defaultValue: 3600,
    description: 'Seconds between two raw reports from which on that is a gap, 60 to 31,536,000.',
  })
  @Min(60)
  @Max(31_536_000)
  gapSeconds = 3600;
}
