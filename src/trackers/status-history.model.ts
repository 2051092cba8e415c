import { Field, ID, ObjectType } from '@nestjs/graphql';
import { TrackerStatus } from './tracker-status.enum.js';

@ObjectType({ description: 'A current or former status of a tracker: when it began, who set it, and why.' })
export class StatusHistory {
  @Field(() => ID, { description: 'Stable id of the entry.' })
  id!: string;

  @Field(() => TrackerStatus, { description: 'The status.' })
  status!: TrackerStatus;

  @Field(() => Date, { description: 'When the status began.' })
  timestamp!: Date;

  @Field(() => Date, { nullable: true, description: 'When the status ended; null for the current one.' })
  endedAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'Who set the status, if known.' })
  changedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was set, if known.' })
  reason!: string | null;

  /** Not a field of the API; the resolver of `tracker` reads it. */
  trackerId!: string;
}
