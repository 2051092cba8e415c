import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { HistoryOnDelete } from '../history-on-delete.enum.js';

registerEnumType(HistoryOnDelete, {
  name: 'HistoryOnDelete',
  description: 'What happens to the location history of a deleted tracker.',
  valuesMap: {
    KEEP: {
      description: 'It is kept, and becomes visible again when a tracker with the same key is registered.',
    },
    ERASE: {
      description:
        'It is erased from every layer, with the identities of its reports: a report that arrives again later counts as new.',
    },
  },
});

@ArgsType()
export class DeleteTrackerArgs {
  @Field(() => ID, { description: 'Id of the tracker.' })
  id!: string;

  @Field(() => HistoryOnDelete, {
    defaultValue: HistoryOnDelete.KEEP,
    description: 'What happens to its location history.',
  })
  history: HistoryOnDelete = HistoryOnDelete.KEEP;
}

@ObjectType({ description: 'A tracker that was deleted.' })
export class DeletedTracker {
  @Field(() => ID, { description: 'Id of the deleted tracker.' })
  id!: string;

  @Field(() => Int, { description: 'Number of reports erased; 0 if the history was kept.' })
  erasedReports!: number;
}
