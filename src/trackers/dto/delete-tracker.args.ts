import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { HistoryOnDelete } from '../history-on-delete.enum.js';

registerEnumType(HistoryOnDelete, {
  name: 'HistoryOnDelete',
  description: 'What becomes of the location history of a tracker that is deleted.',
  valuesMap: {
    KEEP: { description: 'It stays, and is seen again when a tracker with the same key is registered.' },
    ERASE: {
      description:
        'It is erased in every layer, with all that is known of its reports. A report that is sent again later counts as new.',
    },
  },
});

@ArgsType()
export class DeleteTrackerArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  id!: string;

  @Field(() => HistoryOnDelete, {
    defaultValue: HistoryOnDelete.KEEP,
    description: 'What becomes of its location history.',
  })
  history: HistoryOnDelete = HistoryOnDelete.KEEP;
}

@ObjectType({ description: 'A tracker that is gone.' })
export class DeletedTracker {
  @Field(() => ID, { description: 'The id that it had.' })
  id!: string;

  @Field(() => Int, { description: 'Reports whose history was erased; 0 where it was kept.' })
  erasedReports!: number;
}
