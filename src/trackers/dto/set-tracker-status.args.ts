import { ArgsType, Field, ID } from '@nestjs/graphql';
import { IsOptional } from 'class-validator';
import { TrackerStatus } from '../tracker-status.enum.js';
import { IsText } from './tracker-fields.js';

@ArgsType()
export class SetTrackerStatusArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => TrackerStatus, { description: 'New status, from now on.' })
  status!: TrackerStatus;

  @Field(() => String, {
    nullable: true,
    description: 'Reason for the change, for the status history; 1 to 1000 characters.',
  })
  @IsOptional()
  @IsText(1, 1000)
  note?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Who changes it, for the status history; 1 to 200 characters.',
  })
  @IsOptional()
  @IsText(1, 200)
  by?: string | null;
}
