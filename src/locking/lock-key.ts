/** Name of a lock, in Redis and in the database. */
export function lockKey(name: string): string {
  return `location_history:${name}_lock`;
}
