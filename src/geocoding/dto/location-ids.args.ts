import { ArgsType, Field, ID } from '@nestjs/graphql';
import { ArrayMaxSize, ArrayNotEmpty } from 'class-validator';

const MOST = 1000;

@ArgsType()
export class LocationIdsArgs {
  @ArrayNotEmpty()
  @ArrayMaxSize(MOST)
  @Field(() => [ID], {
    description: `Ids of locations, as answers have them, at most ${MOST}; not of days of a time zone.`,
  })
  locationIds!: string[];
}
