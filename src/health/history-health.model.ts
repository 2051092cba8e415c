import { Field, Int, ObjectType } from '@nestjs/graphql';
import { RefresherHealth } from './refresher-health.model.js';

@ObjectType({ description: 'A layer of history: its content, and what retention removes next.' })
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
      'Time up to which a continuous aggregate is computed; null if the layer is updated at commit.',
  })
  watermark!: Date | null;

  @Field(() => Date, { nullable: true, description: 'Last refresh; null if the layer is updated at commit.' })
  lastRefresh!: Date | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Duration of the last refresh by this product, in milliseconds; null if there was none yet.',
  })
  lastRefreshMs!: number | null;

  @Field(() => Date, {
    nullable: true,
    description: 'The next run of retention removes rows before this time.',
  })
  removesBefore!: Date | null;

  @Field(() => Int, { description: 'Rows that the next run of retention removes.' })
  rowsToRemove!: number;
}

@ObjectType({ description: 'The time by clocks other than that of the database.' })
export class HistoryClock {
  @Field(() => Date, { description: 'Time of the process that answers the query.' })
  programTime!: Date;

  @Field(() => Date, {
    description: 'The time that retention uses; it advances only as far as the clocks agree.',
  })
  agreedTime!: Date;
}

@ObjectType('HistoryHealth', { description: 'The state of history, and its problems.' })
export class HistoryHealthModel {
  @Field(() => String, { description: '"timescaledb" or "postgresql".' })
  engine!: string;

  @Field(() => String, { description: '"postgis" or "builtin".' })
  spatialLayer!: string;

  @Field(() => Date, { description: 'Time of the database.' })
  serverTime!: Date;

  @Field(() => HistoryClock, { description: 'The time by other clocks.' })
  clock!: HistoryClock;

  @Field(() => Date, { description: 'Raw reports are kept from this time on.' })
  horizon!: Date;

  @Field(() => Date, { description: 'History shows hours from this time on, and days before.' })
  cut!: Date;

  @Field(() => Int, { description: 'How long raw reports are kept.' })
  rawRetentionHours!: number;

  @Field(() => Int, { description: 'How long hourly rows are kept.' })
  hourlyRetentionHours!: number;

  @Field(() => Int, { description: 'How long daily rows are kept.' })
  dailyRetentionHours!: number;

  @Field(() => Int, {
    description: 'Number of days that are due to be closed; maintenance closes them hourly.',
  })
  daysOverdue!: number;

  @Field(() => Int, { description: 'Number of changes that the refresher has not processed yet.' })
  pendingChanges!: number;

  @Field(() => Date, { nullable: true, description: 'Oldest report among the pending changes.' })
  pendingFrom!: Date | null;

  @Field(() => Date, { nullable: true, description: 'Newest report among the pending changes.' })
  pendingTo!: Date | null;

  @Field(() => Boolean, { description: 'Whether the materialized view is behind the aggregates.' })
  viewIsStale!: boolean;

  @Field(() => Int, { description: 'Number of keys that have reports in the hourly layer but no tracker.' })
  unregisteredKeys!: number;

  @Field(() => Int, { description: 'Number of reports of these keys.' })
  unregisteredReports!: number;

  @Field(() => RefresherHealth, { description: 'The refreshers, which keep history up to date.' })
  refresher!: RefresherHealth;

  @Field(() => [HistoryLayer], { description: 'The layers, from raw reports to the materialized view.' })
  layers!: HistoryLayer[];

  @Field(() => [String], { description: 'Problems that need an operator; empty if there are none.' })
  problems!: string[];
}
