import { Logger } from '@nestjs/common';
import type { Deployment, DeploymentRepository } from './deployment.repository.js';
import type { RedisConnection } from './redis-connection.js';

/** What all keys begin with, for the deployment that is alone on its Redis or came first. */
const BARE = 'location_history';
/** Says which deployment has the keys without an identity. */
const CLAIM = `${BARE}:deployment`;
/** Every use renews it. As long as the last refresh is remembered, which is the slowest of what is kept there. */
const CLAIM_TTL_MS = 2 * 3_600_000;

/** Where the keys of a deployment are. */
export interface KeySpace {
  /** What they begin with, without the colon. */
  prefix: string;
  /** Who has the keys without an identity, where that is another deployment; else null. */
  otherOwner: string | null;
}

/**
 * Names of keys and channels, so that deployments on one Redis do not take each other's for their own.
 *
 * Without `REDIS_KEY_PREFIX` the deployment that comes first has the bare names, e.g.
 * `location_history:aggregate_refresh_lock`, for as long as it renews its claim; any other has its identity in them.
 * Redis is asked each time, so all processes of a deployment agree. Nothing rests on it: see LockService.
 */
export class RedisKeys {
  private readonly logger = new Logger('Redis');
  /** What was last said about it. */
  private told: string | null = null;

  /** @param fixedPrefix `REDIS_KEY_PREFIX`; null: the claim decides. */
  constructor(
    readonly connection: RedisConnection,
    private readonly deployments: DeploymentRepository,
    private readonly fixedPrefix: string | null,
  ) {}

  /**
   * @param name e.g. `aggregate_refresh_lock`.
   * @throws while Redis or the database cannot be asked.
   */
  async key(name: string): Promise<string> {
    return `${this.fixedPrefix ?? (await this.claim()).prefix}:${name}`;
  }

  /** @param name that no other deployment uses: it stays the same whoever has the bare names. */
  keyWithIdentity(name: string): string {
    return `${this.fixedPrefix ?? BARE}:${name}`;
  }

  /** A channel reaches all databases of a Redis, and nobody looks for its name: so it always has the identity. */
  async channel(name: string): Promise<string> {
    return `${this.fixedPrefix ?? ownPrefix(await this.deployments.deployment())}:${name}`;
  }

  /** Where the keys are at this moment; claims nothing. @throws while Redis or the database cannot be asked. */
  async look(): Promise<KeySpace> {
    if (this.fixedPrefix !== null) return { prefix: this.fixedPrefix, otherOwner: null };
    const deployment = await this.deployments.deployment();
    const content = await this.connection.run((redis) => redis.lookAtLock(CLAIM));
    if (content === null) return { prefix: BARE, otherOwner: null };
    const [type, , owner] = content;
    return spaceOf(
      deployment,
      type !== 'string' ? `a ${type}` : owner.startsWith(deployment.id) ? null : owner,
    );
  }

  private async claim(): Promise<KeySpace> {
    const deployment = await this.deployments.deployment();
    const { id, name } = deployment;
    const owner = await this.connection.write(
      (redis) => redis.claimKeys(CLAIM, id, `${id} ${name}`, CLAIM_TTL_MS),
      (otherOwner) => otherOwner === null, // it has only read else
    );
    const space = spaceOf(deployment, owner);
    if (space.prefix !== (this.told ?? BARE)) this.tell(space);
    this.told = space.prefix;
    return space;
  }

  private tell({ prefix, otherOwner }: KeySpace): void {
    if (otherOwner === null) this.logger.log(`the keys of this deployment are ${prefix}:* from now on`);
    else
      this.logger.warn(
        `another deployment (${otherOwner}) has the keys ${BARE}:*, as ${CLAIM} says; those of this one are ${prefix}:*. ` +
          'To choose them, set REDIS_KEY_PREFIX',
      );
  }
}

/** Name of a lock in Redis, without the prefix of the deployment. */
export function redisLockName(name: string): string {
  return `${name}_lock`;
}

/** What the keys of a deployment begin with that has not got the bare ones. */
function ownPrefix({ id }: Deployment): string {
  return `${BARE}:${id}`;
}

function spaceOf(deployment: Deployment, otherOwner: string | null): KeySpace {
  return { prefix: otherOwner === null ? BARE : ownPrefix(deployment), otherOwner };
}
