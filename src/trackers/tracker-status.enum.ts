/** Where a tracked thing is in its life; the order is that of the life. */
export enum TrackerStatus {
  CREATED = 'CREATED',
  IN_TRANSIT = 'IN_TRANSIT',
  IN_STORAGE = 'IN_STORAGE',
  DELIVERED = 'DELIVERED',
}
