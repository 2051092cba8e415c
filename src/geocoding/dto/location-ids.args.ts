import { ArgsType, Field, ID } from '@nestjs/graphql';
import { ArrayMaxSize, ArrayNotEmpty } from 'class-validator';

const MOST = 1000;

@ArgsType()
export class LocationIdsArgs {
  @ArrayNotEmpty()
  @ArrayMaxSize(MOST)
  @Field(() => [ID], { description: `Ids of locations ("trackerId:bucketSize:epoch"), at most ${MOST}.` })
  locationIds!: string[];
}
