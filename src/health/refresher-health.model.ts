import { Field, Int, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'The sessions of all processes that listen for changes.' })
export class ListenerHealth {
  @Field(() => Int, {
    description: 'Number of listening sessions, of all processes; without any, polling finds changes.',
  })
  sessions!: number;

  @Field(() => Date, { nullable: true, description: 'When the oldest of them connected.' })
  since!: Date | null;

  @Field(() => Date, { nullable: true, description: 'When one of them last received a notification.' })
  lastNotification!: Date | null;

  @Field(() => String, {
    nullable: true,
    description:
      'State of the process that answers: "listening", or "not listening: " and the reason; null if its roles do not listen.',
  })
  here!: string | null;
}

@ObjectType({ description: 'A lock that is held.' })
export class LockHolderModel {
  @Field(() => String, { description: 'Name of the lock in the database.' })
  name!: string;

  @Field(() => String, { description: 'Host and process that hold it.' })
  holder!: string;

  @Field(() => Date, { description: 'When it was acquired.' })
  acquiredAt!: Date;

  @Field(() => Date, {
    description:
      'When another process may take it from a holder that hangs; extended while the holder works.',
  })
  expiresAt!: Date;
}

@ObjectType({ description: 'The last run of a scheduled job.' })
export class JobRunModel {
  @Field(() => String, { description: 'Name of the job.' })
  job!: string;

  @Field(() => Date, {
    nullable: true,
    description: 'Scheduled time of the run; null if it was started by hand.',
  })
  slot!: Date | null;

  @Field(() => Int, { description: 'Number of the attempt at this slot, from 1.' })
  attempt!: number;

  @Field(() => String, { description: '"running", "done" or "failed".' })
  outcome!: string;

  @Field(() => Date, { description: 'When it began.' })
  startedAt!: Date;

  @Field(() => Int, { nullable: true, description: 'How long it took, in milliseconds.' })
  ms!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Number of rows that it processed; null if the job has no rows.',
  })
  rows!: number | null;

  @Field(() => String, { nullable: true, description: 'Why it failed.' })
  error!: string | null;
}

@ObjectType({ description: 'The state of the refreshers of all processes: listener, locks and jobs.' })
export class RefresherHealth {
  @Field(() => ListenerHealth, { description: 'The sessions that listen for changes.' })
  listener!: ListenerHealth;

  @Field(() => Int, {
    description: 'Age of the oldest change that has not reached every layer, in seconds.',
  })
  lagSeconds!: number;

  @Field(() => String, {
    description:
      '"off" if Redis is not configured, "ready", or "degraded": only the advisory locks of the database are used.',
  })
  redis!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Pattern of the keys of this deployment in Redis, e.g. "location_history:*", with the reason if it is not the default; null if it is unknown.',
  })
  redisKeys!: string | null;

  @Field(() => Date, { nullable: true, description: 'When the last periodic refresh that succeeded began.' })
  lastPeriodicRefresh!: Date | null;

  @Field(() => [LockHolderModel], { description: 'Locks that are held at this moment.' })
  locks!: LockHolderModel[];

  @Field(() => [JobRunModel], { description: 'The last run of each job.' })
  jobs!: JobRunModel[];
}
