/**
 * Name of an advisory lock, e.g. `location_history:aggregate_refresh_lock` for `aggregate_refresh`; the number of the
 * lock is the hash of this name. The lock's key in Redis has the same name, unless RedisKeys adds the deployment's id.
 */
export function lockKey(name: string): string {
  return `location_history:${name}_lock`;
}
