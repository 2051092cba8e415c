import { ArgsType, Field, ID, Int } from '@nestjs/graphql';
import { IsEnum, IsOptional, Max, Min } from 'class-validator';
import { MAX_ROWS } from '../../common/graphql/connection.js';
import { TrackerStatus } from '../../trackers/tracker-status.enum.js';

/** Arguments of `Tracker.locationHistory`. */
@ArgsType()
export class NewestHistoryArgs {
  @Field(() => Int, { defaultValue: 48, description: 'Maximum number of rows, 1 to 10,000.' })
  @Min(1)
  @Max(MAX_ROWS)
  first = 48;

  @Field(() => Date, {
    nullable: true,
    description: 'Start of the range: buckets that end at or before it are excluded.',
  })
  startTime?: Date | null;

  @Field(() => Date, {
    nullable: true,
    description: 'End of the range: buckets that start at or after it are excluded.',
  })
  endTime?: Date | null;
}

@ArgsType()
export class HistoryByTrackerArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Int, { defaultValue: 1000, description: 'Maximum number of rows, 1 to 10,000.' })
  @Min(1)
  @Max(MAX_ROWS)
  limit = 1000;
}

@ArgsType()
export class RecentHistoryArgs {
  @Field(() => Int, { defaultValue: 10, description: 'Maximum number of rows, 1 to 1000.' })
  @Min(1)
  @Max(1000)
  limit = 10;

  @Field(() => [TrackerStatus], {
    nullable: true,
    description: 'Only trackers that currently have one of these statuses.',
  })
  @IsOptional()
  @IsEnum(TrackerStatus, { each: true })
  currentStatuses?: TrackerStatus[] | null;
}
