import { Logger } from '@nestjs/common';
import type { Deployment, DeploymentRepository } from './deployment.repository.js';
import type { RedisConnection } from './redis-connection.js';

/** Prefix of the deployment that is alone on its Redis, or came first. */
const DEFAULT_PREFIX = 'location_history';
/** Key whose value names the deployment that uses the default prefix. */
const CLAIM = `${DEFAULT_PREFIX}:deployment`;
/** Time to live of the claim, which every use renews: that of the longest-lived key, the time of the last refresh. */
const CLAIM_TTL_MS = 2 * 3_600_000;

/** The prefix of a deployment's keys. */
export interface KeySpace {
  /** Without the colon at its end. */
  prefix: string;
  /** The deployment that uses the default prefix, if it is another one; otherwise null. */
  otherOwner: string | null;
}

/**
 * Names of keys and channels, kept apart for deployments that share a Redis.
 *
 * Without `REDIS_KEY_PREFIX` the deployment that comes first uses the default prefix, e.g.
 * `location_history:aggregate_refresh_lock`, for as long as it renews its claim; any other one adds its id to the
 * prefix. Redis is queried each time, so all processes of a deployment agree. Correctness does not depend on it: see
 * LockService.
 */
export class RedisKeys {
  private readonly logger = new Logger('Redis');
  /** The prefix that was last logged. */
  private logged: string | null = null;

  /** @param fixedPrefix `REDIS_KEY_PREFIX`; null: see above. */
  constructor(
    readonly connection: RedisConnection,
    private readonly deployments: DeploymentRepository,
    private readonly fixedPrefix: string | null,
  ) {}

  /**
   * @param name e.g. `aggregate_refresh_lock`.
   * @throws when Redis or the database cannot be reached.
   */
  async key(name: string): Promise<string> {
    return `${this.fixedPrefix ?? (await this.claim()).prefix}:${name}`;
  }

  /**
   * A key that does not depend on which deployment has the default prefix.
   *
   * @param name that no other deployment uses.
   */
  keyWithIdentity(name: string): string {
    return `${this.fixedPrefix ?? DEFAULT_PREFIX}:${name}`;
  }

  /** Name of a channel. Always with the deployment's id, because a channel reaches all databases of a Redis. */
  async channel(name: string): Promise<string> {
    return `${this.fixedPrefix ?? ownPrefix(await this.deployments.deployment())}:${name}`;
  }

  /** The current prefix; claims nothing. @throws when Redis or the database cannot be reached. */
  async inspect(): Promise<KeySpace> {
    if (this.fixedPrefix !== null) return { prefix: this.fixedPrefix, otherOwner: null };
    const deployment = await this.deployments.deployment();
    const content = await this.connection.run((redis) => redis.inspectLock(CLAIM));
    if (content === null) return { prefix: DEFAULT_PREFIX, otherOwner: null };
    const [type, , owner] = content;
    return spaceOf(
      deployment,
      type !== 'string' ? `a ${type}` : owner.startsWith(deployment.id) ? null : owner,
    );
  }

  private async claim(): Promise<KeySpace> {
    const deployment = await this.deployments.deployment();
    const { id, name } = deployment;
    const owner = await this.connection.attemptWrite((redis) =>
      redis.claimKeys(CLAIM, id, `${id} ${name}`, CLAIM_TTL_MS),
    );
    if (owner === null) this.connection.recordWrite(); // otherwise it only read
    const space = spaceOf(deployment, owner);
    if (space.prefix !== (this.logged ?? DEFAULT_PREFIX)) this.log(space);
    this.logged = space.prefix;
    return space;
  }

  private log({ prefix, otherOwner }: KeySpace): void {
    if (otherOwner === null) this.logger.log(`this deployment now uses the keys ${prefix}:*`);
    else
      this.logger.warn(
        `another deployment (${otherOwner}) has the keys ${DEFAULT_PREFIX}:* (see ${CLAIM}), so this one uses ${prefix}:*. ` +
          'To choose the prefix, set REDIS_KEY_PREFIX',
      );
  }
}

/** Name of a lock in Redis, without the prefix of the deployment. */
export function redisLockName(name: string): string {
  return `${name}_lock`;
}

/** Prefix of a deployment that does not have the default one. */
function ownPrefix({ id }: Deployment): string {
  return `${DEFAULT_PREFIX}:${id}`;
}

function spaceOf(deployment: Deployment, otherOwner: string | null): KeySpace {
  return { prefix: otherOwner === null ? DEFAULT_PREFIX : ownPrefix(deployment), otherOwner };
}
