import { registerEnumType } from '@nestjs/graphql';

/** Where a tracked thing is in its life; the order is that of the life. */
export enum TrackerStatus {
  CREATED = 'CREATED',
  IN_TRANSIT = 'IN_TRANSIT',
  IN_STORAGE = 'IN_STORAGE',
  DELIVERED = 'DELIVERED',
}

registerEnumType(TrackerStatus, {
  name: 'TrackerStatus',
  description: 'Where a tracked thing is in its life.',
  valuesMap: {
    CREATED: { description: 'Registered; not under way yet.' },
    IN_TRANSIT: { description: 'Under way.' },
    IN_STORAGE: { description: 'Kept at a storage location.' },
    DELIVERED: { description: 'Arrived.' },
  },
});
