import { Field, Float, Int, ObjectType } from '@nestjs/graphql';
import { PageInfo } from '../common/graphql/connection.js';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import type { TrackerFilter } from './dto/tracker-filter.input.js';
import { TrackerModel } from './tracker.model.js';
import { TrackerStatus } from './tracker-status.enum.js';

@ObjectType({ description: 'A tracker on a page of trackers.' })
export class TrackerEdge {
  @Field(() => String, { description: 'Cursor of the tracker; pass it as `after` to continue from here.' })
  cursor!: string;

  @Field(() => TrackerModel, { description: 'The tracker.' })
  node!: TrackerModel;
}

@ObjectType({ description: 'A page of trackers.' })
export class TrackerConnection {
  @Field(() => [TrackerEdge], { description: 'The trackers with their cursors.', complexity: COST_OF_PART })
  edges!: TrackerEdge[];

  @Field(() => [TrackerModel], { description: 'The trackers without cursors.' })
  nodes!: TrackerModel[];

  @Field(() => PageInfo, { description: 'Position of this page in the list.', complexity: 0 })
  pageInfo!: PageInfo;

  /** Not a field of the API; the resolver of `totalCount` reads it. */
  filter!: TrackerFilter;
}

@ObjectType({ description: 'A tracker near a point.' })
export class NearbyTrackerModel {
  @Field(() => Float, {
    description: 'Great-circle distance from the point to the newest location of the tracker, in metres.',
  })
  distanceMeters!: number;

  @Field(() => TrackerModel, { description: 'The tracker.', complexity: COST_OF_PART })
  tracker!: TrackerModel;
}

@ObjectType({ description: 'How long trackers had a status, up to now.' })
export class StatusDuration {
  @Field(() => TrackerStatus, { description: 'The status.' })
  status!: TrackerStatus;

  @Field(() => Int, { description: 'Number of trackers that ever had the status.' })
  trackers!: number;

  @Field(() => Int, { description: 'Number of trackers that have it now.' })
  trackersNow!: number;

  @Field(() => Float, { description: 'Total over all trackers, in seconds.' })
  totalSeconds!: number;

  @Field(() => Float, { description: 'Average per tracker that ever had it, in seconds; 0 if none had.' })
  averageSeconds!: number;

  @Field(() => Float, { description: 'Longest time of a single tracker, in seconds.' })
  longestSeconds!: number;
}

@ObjectType({ description: 'How long trackers were in each status, up to now.' })
export class DurationStats {
  @Field(() => Int, { description: 'Number of trackers counted.' })
  totalTrackers!: number;

  @Field(() => Float, {
    description: 'Average hours in IN_TRANSIT per tracker that ever had this status; 0 if none had.',
  })
  averageTransitTime!: number;

  @Field(() => Float, {
    description: 'Average hours in IN_STORAGE per tracker that ever had this status; 0 if none had.',
  })
  averageStorageTime!: number;

  @Field(() => [StatusDuration], {
    description: 'All statuses, in the order of the life cycle.',
    complexity: COST_OF_PART,
  })
  statuses!: StatusDuration[];
}
