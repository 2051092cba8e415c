import { Field, Float, Int, ObjectType } from '@nestjs/graphql';
import { PageInfo } from '../common/graphql/connection.js';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import type { TrackerFilter } from './dto/tracker-filter.input.js';
import { TrackerModel } from './tracker.model.js';
import { TrackerStatus } from './tracker-status.enum.js';

@ObjectType({ description: 'A tracker in a page of trackers.' })
export class TrackerEdge {
  @Field(() => String, { description: 'Its place in the list, to ask for what comes behind it.' })
  cursor!: string;

  @Field(() => TrackerModel, { description: 'The tracker.' })
  node!: TrackerModel;
}

@ObjectType({ description: 'A page of trackers.' })
export class TrackerConnection {
  @Field(() => [TrackerEdge], { description: 'The trackers with their cursors.', complexity: COST_OF_PART })
  edges!: TrackerEdge[];

  @Field(() => [TrackerModel], { description: 'The trackers alone.' })
  nodes!: TrackerModel[];

  @Field(() => PageInfo, { description: 'Where this page lies in the list.', complexity: 0 })
  pageInfo!: PageInfo;

  /** Not a field: what `totalCount` counts. */
  filter!: TrackerFilter;
}

@ObjectType({ description: 'A tracker near a point.' })
export class NearbyTrackerModel {
  @Field(() => Float, { description: 'From the point to its newest place, over the surface of a sphere.' })
  distanceMeters!: number;

  @Field(() => TrackerModel, { description: 'The tracker.', complexity: COST_OF_PART })
  tracker!: TrackerModel;
}

@ObjectType({ description: 'How long trackers had a status, until now.' })
export class StatusDuration {
  @Field(() => TrackerStatus, { description: 'The status.' })
  status!: TrackerStatus;

  @Field(() => Int, { description: 'Trackers that had it at some time.' })
  trackers!: number;

  @Field(() => Int, { description: 'Trackers that have it now.' })
  trackersNow!: number;

  @Field(() => Float, { description: 'Of all trackers together.' })
  totalSeconds!: number;

  @Field(() => Float, { description: 'Of one tracker that had it, on average; 0 where none had.' })
  averageSeconds!: number;

  @Field(() => Float, { description: 'Of the tracker that had it longest.' })
  longestSeconds!: number;
}

@ObjectType({ description: 'How long trackers were in their statuses, until now.' })
export class DurationStats {
  @Field(() => Int, { description: 'Trackers that this is about.' })
  totalTrackers!: number;

  @Field(() => Float, {
    description: 'Hours that a tracker that was ever IN_TRANSIT was so, on average; 0 where none was.',
  })
  averageTransitTime!: number;

  @Field(() => Float, {
    description: 'Hours that a tracker that was ever IN_STORAGE was so, on average; 0 where none was.',
  })
  averageStorageTime!: number;

  @Field(() => [StatusDuration], {
    description: 'Every status, in the order of the life of a tracker.',
    complexity: COST_OF_PART,
  })
  statuses!: StatusDuration[];
}
