const NAMESPACE = 'location_history:';

/** Name of a lock in the database; in Redis too, unless the keys there carry an identity: see RedisKeys. */
export function lockKey(name: string): string {
  return `${NAMESPACE}${redisLockName(name)}`;
}

/** Name of a lock in Redis, without what the keys of a deployment begin with. */
export function redisLockName(name: string): string {
  return `${name}_lock`;
}
