import { Field, ObjectType } from '@nestjs/graphql';
import { PageInfo } from '../common/graphql/connection.js';
import { COST_OF_PART } from '../common/graphql/query-cost.js';
import { LocationHistoryModel } from './location-history.model.js';

@ObjectType({ description: 'A row of history in a page.' })
export class LocationHistoryEdge {
  @Field(() => String, { description: 'Its place in the walk, to ask for what comes behind it.' })
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

  @Field(() => [LocationHistoryModel], { description: 'The rows alone.' })
  nodes!: LocationHistoryModel[];

  @Field(() => PageInfo, { description: 'Where this page lies in the walk.', complexity: 0 })
  pageInfo!: PageInfo;
}
