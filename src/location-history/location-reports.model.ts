import { Field, ID, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { ReportOutcome } from './location-reports.service.js';

registerEnumType(ReportOutcome, {
  name: 'ReportOutcome',
  description: 'What became of a report that was taken.',
  valuesMap: {
    STORED: { description: 'Kept as raw report; its hour and its day count it.' },
    LATE: { description: 'Merged into the daily history: raw reports of its day are no longer kept.' },
    DUPLICATE: { description: 'Known already; nothing has changed.' },
  },
});

@ObjectType({ description: 'A report that was taken.' })
export class CreatedLocationReport {
  @Field(() => ID, { description: 'Id of its tracker.' })
  trackerId!: string;

  @Field(() => Date, { description: 'Its time.' })
  timestamp!: Date;

  @Field(() => ReportOutcome, { description: 'What became of it.' })
  outcome!: ReportOutcome;
}

@ObjectType({ description: 'What became of the reports of a day that were to be deleted.' })
export class DeletedReportsOfDay {
  @Field(() => Date, { description: 'Start of the day, UTC.' })
  day!: Date;

  @Field(() => Int, { description: 'Reports of the day in the range.' })
  reports!: number;

  @Field(() => Boolean, {
    description:
      'False where raw reports of the day are gone and others of it are to stay: what is left could not be computed, so nothing of that day is changed. Give the whole day to have it deleted.',
  })
  deleted!: boolean;
}

@ObjectType({ description: 'What became of reports that were to be deleted.' })
export class DeletedLocationReports {
  @Field(() => Int, { description: 'Reports that are gone, from hours and days too.' })
  deletedReports!: number;

  @Field(() => Int, { description: 'Reports that are still counted, in days that could not be repaired.' })
  keptReports!: number;

  @Field(() => [DeletedReportsOfDay], {
    description: 'Day by day, oldest first; days without reports in the range are left out.',
    complexity: COST_OF_PART,
  })
  days!: DeletedReportsOfDay[];
}
