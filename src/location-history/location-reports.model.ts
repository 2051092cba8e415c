import { Field, ID, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { ReportOutcome } from './location-reports.service.js';

registerEnumType(ReportOutcome, {
  name: 'ReportOutcome',
  description: 'What happened to a report that was accepted.',
  valuesMap: {
    STORED: { description: 'Stored as a raw report, and counted in its hour and its day.' },
    LATE: {
      description: 'Merged into the daily history, because raw reports of its day are no longer kept.',
    },
    DUPLICATE: { description: 'Ingested before; nothing changed.' },
  },
});

@ObjectType({ description: 'A report that was accepted.' })
export class CreatedLocationReport {
  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'Time of the report.' })
  timestamp!: Date;

  @Field(() => ReportOutcome, { description: 'What happened to the report.' })
  outcome!: ReportOutcome;
}

@ObjectType({ description: 'Result of a deletion for one day.' })
export class DeletedReportsOfDay {
  @Field(() => Date, { description: 'Start of the day in UTC.' })
  day!: Date;

  @Field(() => Int, { description: 'Number of reports of the day in the range.' })
  reports!: number;

  @Field(() => Boolean, {
    description:
      'Whether the reports were deleted. False if the range covers only some reports of a day whose raw reports are no longer kept: the rest of the day cannot be recomputed, so the day is unchanged. To delete it, give a range that covers the whole day.',
  })
  deleted!: boolean;
}

@ObjectType({ description: 'Result of a deletion of reports.' })
export class DeletedLocationReports {
  @Field(() => Int, { description: 'Number of reports deleted, also from hours and days.' })
  deletedReports!: number;

  @Field(() => Int, { description: 'Number of reports not deleted, because their day cannot be recomputed.' })
  keptReports!: number;

  @Field(() => [DeletedReportsOfDay], {
    description: 'Result per day, oldest first; days without reports in the range are left out.',
    complexity: COST_OF_PART,
  })
  days!: DeletedReportsOfDay[];
}
