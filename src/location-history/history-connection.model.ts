import { Field, ObjectType } from '@nestjs/graphql';
import { PageInfo } from '../common/graphql/connection.js';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { LocationHistoryModel } from './location-history.model.js';

@ObjectType({ description: 'A row of history on a page.' })
export class LocationHistoryEdge {
  @Field(() => String, { description: 'Cursor of the row; pass it as `after` to continue from here.' })
  cursor!: string;

  @Field(() => LocationHistoryModel, { description: 'The row.' })
  node!: LocationHistoryModel;
}

@ObjectType({ description: 'A page of history.' })
export class LocationHistoryConnection {
  @Field(() => [LocationHistoryEdge], {
    description: 'The rows with their cursors.',
    complexity: COST_OF_PART,
  })
  edges!: LocationHistoryEdge[];

  @Field(() => [LocationHistoryModel], { description: 'The rows without cursors.' })
  nodes!: LocationHistoryModel[];

  @Field(() => PageInfo, { description: 'Position of this page in the list.', complexity: 0 })
  pageInfo!: PageInfo;
}
