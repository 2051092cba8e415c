/**
 * Name of an advisory lock, whose number is its hash: `aggregate_refresh` gives `location_history:aggregate_refresh_lock`.
 * The lock's key in Redis has the same name, unless RedisKeys adds an identity to it.
 */
export function lockKey(name: string): string {
  return `location_history:${name}_lock`;
}
