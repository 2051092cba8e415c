import { Field, InputType, registerEnumType } from '@nestjs/graphql';

export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'Which end of an order comes first.',
  valuesMap: {
    ASC: { description: 'The least, or the oldest.' },
    DESC: { description: 'The greatest, or the newest.' },
  },
});

export enum TrackerOrderField {
  NAME = 'NAME',
  CREATED_AT = 'CREATED_AT',
  LAST_SEEN = 'LAST_SEEN',
}

registerEnumType(TrackerOrderField, {
  name: 'TrackerOrderField',
  description: 'What trackers are ordered by.',
  valuesMap: {
    NAME: { description: 'Their names, as the database sorts text.' },
    CREATED_AT: { description: 'When they were registered.' },
    LAST_SEEN: {
      description:
        'The time of their newest report; those without one are the oldest. A tracker that is seen while its list is paged through changes its place in it.',
    },
  },
});

@InputType({ description: 'An order of trackers; those that are equal in it go by id.' })
export class TrackerOrder {
  @Field(() => TrackerOrderField, { description: 'What they are ordered by.' })
  field!: TrackerOrderField;

  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'Which end comes first.' })
  direction: OrderDirection = OrderDirection.ASC;
}
