/** How a device says that it moves; the values are what the database, NDJSON and exports have. */
export enum Motion {
  STATIONARY = 'stationary',
  WALKING = 'walking',
  RUNNING = 'running',
  CYCLING = 'cycling',
  DRIVING = 'driving',
}
