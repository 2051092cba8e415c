import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { DIRECT_URL } from '../database/database.module.js';
import { RedisKeys } from '../locking/redis-keys.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import { PgListener } from '../pg-listener/pg-listener.js';
import { AnnouncementsRepository } from './announcements.repository.js';

/** Channel of the database; triggers notify it as well. */
const PG_CHANNEL = 'location_history_changed';
/** In Redis, behind what the names of the deployment begin with. */
const REDIS_CHANNEL = 'changed';

/**
 * Tells all processes of the deployment that what history shows has changed: over Redis where there is one, else, and
 * while Redis cannot be asked, over NOTIFY. Says nothing of what has changed: who wants to know looks, and whoever
 * missed an announcement looks at the next one.
 */
@Injectable()
export class Announcer implements BeforeApplicationShutdown {
  private readonly logger = new Logger(Announcer.name);
  private readonly stops: (() => Promise<void>)[] = [];
  private readonly ears: (() => void)[] = [];

  constructor(
    private readonly repository: AnnouncementsRepository,
    private readonly keys: RedisKeys,
    private readonly listeners: ListenerRegistry,
    @Inject(DIRECT_URL) private readonly directUrl: string,
  ) {}

  /** Never fails: a message that is lost is made up for by the next one, and by those who look now and then. */
  async announce(): Promise<void> {
    try {
      if (this.keys.connection.isConfigured && (await this.published())) return;
      await this.repository.notify(PG_CHANNEL);
    } catch (error) {
      this.logger.warn(
        `a change could not be announced: ${error instanceof Error ? error.message : 'unknown'}`,
      );
    }
  }

  /** Calls back at every announcement, and whenever one may have been missed; from now on until the application ends. */
  listen(onAnnounced: () => void): void {
    this.ears.push(onAnnounced);
    if (this.ears.length === 1) this.begin(() => this.ears.forEach((ear) => ear()));
  }

  private begin(onAnnounced: () => void): void {
    const listener = new PgListener({
      url: this.directUrl,
      channel: PG_CHANNEL,
      onNotification: onAnnounced,
      onListening: onAnnounced,
      onState: (message) => this.logger.log(message),
    });
    this.listeners.add(PG_CHANNEL, listener);
    listener.start();
    this.stops.push(() => listener.stop());
    if (this.keys.connection.isConfigured) {
      const stop = this.keys.connection.listen(() => this.keys.channel(REDIS_CHANNEL), onAnnounced);
      this.stops.push(() => {
        stop();
        return Promise.resolve();
      });
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
  }

  private async published(): Promise<boolean> {
    try {
      const channel = await this.keys.channel(REDIS_CHANNEL);
      await this.keys.connection.run((redis) => redis.publish(channel, ''));
      return true;
    } catch {
      return false; // the connection tells
    }
  }
}
