import { ArgsType, Field, ID } from '@nestjs/graphql';
import { ArrayMaxSize, ArrayNotEmpty } from 'class-validator';

const MAX_IDS = 1000;

@ArgsType()
export class LocationIdsArgs {
  @ArrayNotEmpty()
  @ArrayMaxSize(MAX_IDS)
  @Field(() => [ID], {
    description: `Ids of LocationHistory rows, at most ${MAX_IDS}. Days in a time zone are not allowed, because they are not stored.`,
  })
  locationIds!: string[];
}
