import { Field, InputType, registerEnumType } from '@nestjs/graphql';

export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'Sort direction.',
  valuesMap: {
    ASC: { description: 'Ascending: smallest or oldest first.' },
    DESC: { description: 'Descending: largest or newest first.' },
  },
});

export enum TrackerOrderField {
  NAME = 'NAME',
  CREATED_AT = 'CREATED_AT',
  LAST_SEEN = 'LAST_SEEN',
}

registerEnumType(TrackerOrderField, {
  name: 'TrackerOrderField',
  description: 'Field that trackers are sorted by.',
  valuesMap: {
    NAME: { description: 'Name, in the collation of the database.' },
    CREATED_AT: { description: 'Time of registration.' },
    LAST_SEEN: {
      description:
        'Time of the newest report; trackers without one count as the oldest. A tracker that reports while a client pages through the list moves within it.',
    },
  },
});

@InputType({ description: 'Sort order of trackers; ties are sorted by id.' })
export class TrackerOrder {
  @Field(() => TrackerOrderField, { description: 'Field to sort by.' })
  field!: TrackerOrderField;

  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'Direction.' })
  direction: OrderDirection = OrderDirection.ASC;
}
