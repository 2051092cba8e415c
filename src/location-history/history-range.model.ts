import { Field, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { GapReason } from './history-range.service.js';
import { HistoryResolution } from './history-resolution.js';
import { LocationHistoryModel } from './location-history.model.js';

registerEnumType(GapReason, {
  name: 'GapReason',
  description: 'Why a part of a range has no rows.',
  valuesMap: {
    NO_REPORTS: { description: 'The tracker has no reports of this time.' },
    NOT_KEPT: { description: 'History of this age is no longer kept.' },
  },
});

@ObjectType({ description: 'A part of a range without rows.' })
export class HistoryGap {
  @Field(() => Date, { description: 'Start of the gap.' })
  startTime!: Date;

  @Field(() => Date, { description: 'End of the gap.' })
  endTime!: Date;

  @Field(() => GapReason, { description: 'Why there are no rows.' })
  reason!: GapReason;
}

@ObjectType('LocationHistoryRange', {
  description: 'A range of the history of a tracker, thinned if it has too many rows, with its gaps.',
})
export class LocationHistoryRange {
  @Field(() => HistoryResolution, {
    description:
      'RAW, HOURLY or DAILY: the resolution chosen for the range. Times for which such rows are no longer kept have daily rows.',
  })
  resolution!: HistoryResolution;

  @Field(() => [LocationHistoryModel], {
    description: 'Rows, oldest first. Each is a stored row, never an average of several.',
  })
  rows!: LocationHistoryModel[];

  @Field(() => Int, { description: 'Number of rows in the range before thinning.' })
  rowsInRange!: number;

  @Field(() => Boolean, {
    description:
      'Whether rows were left out. If so, the rows of the range are split into maxPoints groups of equal size, and each group returns its newest row.',
  })
  thinned!: boolean;

  @Field(() => [HistoryGap], {
    description:
      'Parts of the range without rows, up to now, oldest first; only the longest maxPoints of them. Thinning makes no gaps.',
    complexity: COST_OF_PART,
  })
  gaps!: HistoryGap[];
}
