import { Field, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { GapReason } from './history-points.service.js';
import { HistoryResolution } from './history-resolution.js';
import { LocationHistoryModel } from './location-history.model.js';

registerEnumType(GapReason, {
  name: 'GapReason',
  description: 'Why there is nothing in a part of a range.',
  valuesMap: {
    NO_REPORTS: { description: 'The tracker was not heard.' },
    NOT_KEPT: { description: 'It is longer ago than history is kept.' },
  },
});

@ObjectType({ description: 'A part of a range that nothing is known of.' })
export class HistoryGap {
  @Field(() => Date, { description: 'Where it begins.' })
  startTime!: Date;

  @Field(() => Date, { description: 'Where it ends.' })
  endTime!: Date;

  @Field(() => GapReason, { description: 'Why there is nothing.' })
  reason!: GapReason;
}

@ObjectType('LocationHistoryRange', {
  description:
    'A range of the history of a tracker in one resolution, thinned where it is long, with its gaps.',
})
export class LocationHistoryRange {
  @Field(() => HistoryResolution, {
    description:
      'RAW, HOURLY or DAILY: what was chosen. Rows of a time whose own rows are no longer kept are days.',
  })
  resolution!: HistoryResolution;

  @Field(() => [LocationHistoryModel], {
    description: 'Rows, oldest first; each is one that is kept, none a mean.',
  })
  rows!: LocationHistoryModel[];

  @Field(() => Int, { description: 'How many rows the range has, before thinning.' })
  rowsInRange!: number;

  @Field(() => Boolean, {
    description:
      'Whether rows were left out: then they make maxPoints runs of the same length, and the newest one of each is here.',
  })
  thinned!: boolean;

  @Field(() => [HistoryGap], {
    description:
      'Where no row is, from startTime to endTime or now; oldest first, and the maxPoints longest where there are more. Thinning makes none.',
    complexity: COST_OF_PART,
  })
  gaps!: HistoryGap[];
}
