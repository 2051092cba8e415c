import { registerEnumType } from '@nestjs/graphql';

/** The life cycle of a tracked item, in its order. */
export enum TrackerStatus {
  CREATED = 'CREATED',
  IN_TRANSIT = 'IN_TRANSIT',
  IN_STORAGE = 'IN_STORAGE',
  DELIVERED = 'DELIVERED',
}

registerEnumType(TrackerStatus, {
  name: 'TrackerStatus',
  description: 'Stage in the life cycle of a tracked item.',
  valuesMap: {
    CREATED: { description: 'Registered, not yet shipped.' },
    IN_TRANSIT: { description: 'In transit.' },
    IN_STORAGE: { description: 'In storage.' },
    DELIVERED: { description: 'Delivered.' },
  },
});
