/** The life cycle of a tracked item, in its order. */
export enum TrackerStatus {
  CREATED = 'CREATED',
  IN_TRANSIT = 'IN_TRANSIT',
  IN_STORAGE = 'IN_STORAGE',
  DELIVERED = 'DELIVERED',
}
