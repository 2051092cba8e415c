import { Field, Int, ObjectType } from '@nestjs/graphql';
import { RefresherHealth } from './refresher-health.model.js';

@ObjectType({ description: 'A layer of history: what it holds, and what retention takes next.' })
export class HistoryLayer {
  @Field(() => String, { description: 'Name of the relation in the database.' })
  relation!: string;

  @Field(() => Date, { nullable: true, description: 'Oldest report or start of the oldest bucket.' })
  oldest!: Date | null;

  @Field(() => Date, { nullable: true, description: 'Newest report or start of the newest bucket.' })
  newest!: Date | null;

  @Field(() => Int, { description: 'Rows, counted now.' })
  rows!: number;

  @Field(() => Date, {
    nullable: true,
    description:
      'Where a continuous aggregate has been computed up to; null where a layer is kept at commit.',
  })
  watermark!: Date | null;

  @Field(() => Date, { nullable: true, description: 'Last refresh; null where a layer is kept at commit.' })
  lastRefresh!: Date | null;

  @Field(() => Int, {
    nullable: true,
    description: 'How long our own last refresh took, in milliseconds; null where there was none yet.',
  })
  lastRefreshMs!: number | null;

  @Field(() => Date, {
    nullable: true,
    description: 'The next run of retention removes what lies before this.',
  })
  removesBefore!: Date | null;

  @Field(() => Int, { description: 'Rows that the next run of retention removes.' })
  rowsToRemove!: number;
}

@ObjectType({ description: 'What time it is, besides by the clock of the database.' })
export class HistoryClock {
  @Field(() => Date, { description: 'The clock of the process that answers.' })
  programTime!: Date;

  @Field(() => Date, { description: 'The time that retention works by: as far as the clocks agree.' })
  agreedTime!: Date;
}

@ObjectType('HistoryHealth', { description: 'The state of history, and what is wrong with it.' })
export class HistoryHealthModel {
  @Field(() => String, { description: '"timescaledb" or "postgresql".' })
  engine!: string;

  @Field(() => String, { description: '"postgis" or "builtin".' })
  spatialLayer!: string;

  @Field(() => Date, { description: "The database's clock." })
  serverTime!: Date;

  @Field(() => HistoryClock, { description: 'What other clocks say.' })
  clock!: HistoryClock;

  @Field(() => Date, { description: 'Raw reports are kept from here on.' })
  horizon!: Date;

  @Field(() => Date, { description: 'History shows hours from here on, and days before.' })
  cut!: Date;

  @Field(() => Int, { description: 'How long raw reports are kept.' })
  rawRetentionHours!: number;

  @Field(() => Int, { description: 'How long hourly rows are kept.' })
  hourlyRetentionHours!: number;

  @Field(() => Int, { description: 'How long daily rows are kept.' })
  dailyRetentionHours!: number;

  @Field(() => Int, { description: 'Days due to be closed; maintenance closes them hourly.' })
  daysOverdue!: number;

  @Field(() => Int, { description: 'Changes that the refresher has not seen to yet.' })
  pendingChanges!: number;

  @Field(() => Date, { nullable: true, description: 'Oldest report among the pending changes.' })
  pendingFrom!: Date | null;

  @Field(() => Date, { nullable: true, description: 'Newest report among the pending changes.' })
  pendingTo!: Date | null;

  @Field(() => Boolean, { description: 'Whether the materialized view is behind the aggregates.' })
  viewIsStale!: boolean;

  @Field(() => Int, { description: 'Keys with reports in the hourly layer that no tracker has.' })
  unregisteredKeys!: number;

  @Field(() => Int, { description: 'Reports of those keys.' })
  unregisteredReports!: number;

  @Field(() => RefresherHealth, { description: 'What keeps history up to date.' })
  refresher!: RefresherHealth;

  @Field(() => [HistoryLayer], { description: 'The layers, from raw reports to the materialized view.' })
  layers!: HistoryLayer[];

  @Field(() => [String], { description: 'What an operator should look at; empty when all is well.' })
  problems!: string[];
}
