import { Field, Int, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'Who listens for changes, of all processes.' })
export class ListenerHealth {
  @Field(() => Int, {
    description: 'Sessions that listen, of all processes; without any, the poll finds changes.',
  })
  sessions!: number;

  @Field(() => Date, { nullable: true, description: 'When the oldest of them connected.' })
  since!: Date | null;

  @Field(() => Date, { nullable: true, description: 'When one of them last got a notification.' })
  lastNotification!: Date | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Of the process that answers: "listening", or "not listening: " and why; null where its roles do not listen.',
  })
  here!: string | null;
}

@ObjectType({ description: 'A lock that somebody works under.' })
export class LockHolderModel {
  @Field(() => String, { description: 'Name of the lock in the database.' })
  name!: string;

  @Field(() => String, { description: 'Host and process that hold it.' })
  holder!: string;

  @Field(() => Date, { description: 'Since when.' })
  acquiredAt!: Date;

  @Field(() => Date, {
    description: 'When it may be taken from a holder that hangs; extended while it works.',
  })
  expiresAt!: Date;
}

@ObjectType({ description: 'The last run of a job that runs by a schedule.' })
export class JobRunModel {
  @Field(() => String, { description: 'Name of the job.' })
  job!: string;

  @Field(() => Date, { nullable: true, description: 'Moment of the schedule that it ran for; null by hand.' })
  slot!: Date | null;

  @Field(() => Int, { description: 'Which attempt at that slot it was.' })
  attempt!: number;

  @Field(() => String, { description: '"running", "done" or "failed".' })
  outcome!: string;

  @Field(() => Date, { description: 'When it began.' })
  startedAt!: Date;

  @Field(() => Int, { nullable: true, description: 'How long it took, in milliseconds.' })
  ms!: number | null;

  @Field(() => Int, { nullable: true, description: 'Rows that it was about; null where that means nothing.' })
  rows!: number | null;

  @Field(() => String, { nullable: true, description: 'Why it failed.' })
  error!: string | null;
}

@ObjectType({ description: 'What keeps history up to date: listener, locks and jobs, of all processes.' })
export class RefresherHealth {
  @Field(() => ListenerHealth, { description: 'Who listens for changes.' })
  listener!: ListenerHealth;

  @Field(() => Int, {
    description: 'For how long the oldest change has not reached every layer, in seconds.',
  })
  lagSeconds!: number;

  @Field(() => String, {
    description:
      '"off" where none is configured, "ready", or "degraded": the advisory locks of the database do without it.',
  })
  redis!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'What the keys of this deployment in Redis are, e.g. "location_history:*", and why they are no others; null where that is not known.',
  })
  redisKeys!: string | null;

  @Field(() => Date, { nullable: true, description: 'When the last periodic refresh that succeeded began.' })
  lastPeriodicRefresh!: Date | null;

  @Field(() => [LockHolderModel], { description: 'Locks that are held at this moment.' })
  locks!: LockHolderModel[];

  @Field(() => [JobRunModel], { description: 'The last run of each job.' })
  jobs!: JobRunModel[];
}
