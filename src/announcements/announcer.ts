import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { DIRECT_URL } from '../database/database.module.js';
import { RedisKeys } from '../locking/redis-keys.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import { PgListener } from '../pg-listener/pg-listener.js';
import { AnnouncementsRepository } from './announcements.repository.js';

/** Channel of the database; triggers notify it too. */
const PG_CHANNEL = 'location_history_changed';
/** Channel in Redis, without the prefix of the deployment. */
const REDIS_CHANNEL = 'changed';

/**
 * Announces to all processes of the deployment that history has changed: over Redis if it is configured and answers,
 * otherwise over NOTIFY. An announcement does not contain the change: listeners query it, and catch up at the next
 * announcement if they missed one.
 */
@Injectable()
export class Announcer implements BeforeApplicationShutdown {
  private readonly logger = new Logger(Announcer.name);
  private readonly stopListening: (() => Promise<void>)[] = [];
  private readonly callbacks: (() => void)[] = [];

  constructor(
    private readonly repository: AnnouncementsRepository,
    private readonly keys: RedisKeys,
    private readonly listeners: ListenerRegistry,
    @Inject(DIRECT_URL) private readonly directUrl: string,
  ) {}

  /** Never fails: listeners catch up at the next announcement, and poll besides. */
  async announce(): Promise<void> {
    try {
      if (this.keys.connection.isConfigured && (await this.publishInRedis())) return;
      await this.repository.notify(PG_CHANNEL);
    } catch (error) {
      this.logger.warn(
        `a change could not be announced: ${error instanceof Error ? error.message : 'unknown'}`,
      );
    }
  }

  /** Calls back at every announcement, and after every reconnect, until the application ends. */
  listen(onAnnounced: () => void): void {
    this.callbacks.push(onAnnounced);
    if (this.callbacks.length === 1)
      this.startListening(() => this.callbacks.forEach((callback) => callback()));
  }

  private startListening(onAnnounced: () => void): void {
    const listener = new PgListener({
      url: this.directUrl,
      channel: PG_CHANNEL,
      onNotification: onAnnounced,
      onListening: onAnnounced,
      onState: (message) => this.logger.log(message),
    });
    this.listeners.add(PG_CHANNEL, listener);
    listener.start();
    this.stopListening.push(() => listener.stop());
    if (this.keys.connection.isConfigured) {
      const stop = this.keys.connection.listen(() => this.keys.channel(REDIS_CHANNEL), onAnnounced);
      this.stopListening.push(() => {
        stop();
        return Promise.resolve();
      });
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.stopListening.map((stop) => stop()));
  }

  private async publishInRedis(): Promise<boolean> {
    try {
      const channel = await this.keys.channel(REDIS_CHANNEL);
      await this.keys.connection.run((redis) => redis.publish(channel, ''));
      return true;
    } catch {
      return false; // logged by RedisConnection
    }
  }
}
