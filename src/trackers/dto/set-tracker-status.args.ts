import { ArgsType, Field, ID } from '@nestjs/graphql';
import { IsOptional } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { IsText } from './tracker-fields.js';

@ArgsType()
export class SetTrackerStatusArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => TrackerStatus, { description: 'Its status from now on.' })
  status!: TrackerStatus;

  @Field(() => String, { nullable: true, description: 'Why, for its status history; 1 to 1000 characters.' })
  @IsOptional()
  @IsText(1, 1000)
  note?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Who says so, for its status history; 1 to 200 characters.',
  })
  @IsOptional()
  @IsText(1, 200)
  by?: string | null;
}
