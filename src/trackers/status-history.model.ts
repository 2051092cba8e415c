import { Field, ID, ObjectType } from '@nestjs/graphql';
import { TrackerStatus } from './tracker-status.enum.js';

@ObjectType({ description: 'A status that a tracker had or has: since when, by whom, and why.' })
export class StatusHistory {
  @Field(() => ID, { description: 'Stays the same.' })
  id!: string;

  @Field(() => TrackerStatus, { description: 'The status.' })
  status!: TrackerStatus;

  @Field(() => Date, { description: 'Since when it had it.' })
  timestamp!: Date;

  @Field(() => Date, { nullable: true, description: 'Until when; null for the one that it has now.' })
  endedAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'Who gave it that status, where that was said.' })
  changedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why, where that was said.' })
  reason!: string | null;

  /** Not a field: resolved to `tracker`. */
  trackerId!: string;
}
