import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Announcer } from '../announcements/announcer.js';
import { DomainError } from '../common/errors/domain-error.js';
import { FailureLog } from '../common/errors/failure-log.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { LiveRepository, type LiveUpdate } from './live.repository.js';
import { Subscriber } from './subscriber.js';

/** Updates that one look at the database brings at most. */
const BATCH = 2_000;
/** Announcements that come this soon after each other are taken together. */
const COALESCE_MS = 20;
/** An announcement may be lost; then subscribers are this late. */
const POLL_MS = 5_000;

/** Who subscribed, and how far it has got. */
interface Subscription {
  subscriber: Subscriber<LiveUpdate>;
  /** Time of the newest report that it was given, by tracker; null: those from now on. */
  known: Map<string, Date | null>;
}

/**
 * Gives subscribers the reports that are newer than what they have, in order.
 *
 * Everyone's place is a time in each tracker's reports, and the reports are in the database: so nobody needs a log of
 * messages, who was away resumes with a time, and who is slow waits in no queue of ours. One look-up an announcement
 * serves all subscribers of this process.
 */
@Injectable()
export class LiveHub implements OnModuleInit, BeforeApplicationShutdown {
  private readonly failures = new FailureLog(new Logger(LiveHub.name));
  private readonly subscriptions = new Set<Subscription>();
  private readonly flight = new SingleFlight(
    () => this.pass(),
    () => COALESCE_MS,
  );

  constructor(
    private readonly repository: LiveRepository,
    private readonly announcer: Announcer,
  ) {}

  onModuleInit(): void {
    this.announcer.listen(() => this.look());
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const { subscriber } of this.subscriptions) await subscriber.return();
    await this.flight.drain();
  }

  /** @param since reports after this time come first; without it only those from now on. */
  subscribe(trackerIds: readonly string[], since: Date | null): Subscriber<LiveUpdate> {
    const subscription: Subscription = {
      known: new Map(trackerIds.map((id) => [id, since])),
      subscriber: new Subscriber(
        () => this.flight.poke(),
        () => this.subscriptions.delete(subscription),
        () => new DomainError('UNAVAILABLE', 'Updates were not read for a minute; resume with `since`'),
      ),
    };
    this.subscriptions.add(subscription);
    this.flight.poke();
    return subscription.subscriber;
  }

  @Interval('live-backstop', POLL_MS)
  look(): void {
    if (this.subscriptions.size > 0) this.flight.poke();
  }

  private pass(): Promise<void> {
    return this.failures.attempt('look for updates', async () => {
      await this.placeNewcomers();
      while (await this.deliver());
    });
  }

  /** Those who came without a time begin behind the newest report of each tracker. */
  private async placeNewcomers(): Promise<void> {
    const unknown = new Set<string>();
    for (const { known } of this.subscriptions) {
      for (const [id, time] of known) if (time === null) unknown.add(id);
    }
    if (unknown.size === 0) return;
    const newest = await this.repository.findNewest([...unknown]);
    for (const { known } of this.subscriptions) {
      for (const [id, time] of known) if (time === null) known.set(id, newest.get(id) ?? new Date());
    }
  }

  /** One batch for those who have room. @returns whether there may be more. */
  private async deliver(): Promise<boolean> {
    const places = new Map<string, Date>();
    const open = [...this.subscriptions].filter(({ subscriber }) => !subscriber.isFull);
    for (const { known } of open) {
      for (const [id, time] of known) {
        if (time === null) continue; // it came while we looked, and has its turn in the next pass
        const earliest = places.get(id);
        if (!earliest || time < earliest) places.set(id, time);
      }
    }
    if (places.size === 0) return false;
    const updates = await this.repository.findUpdates(places, BATCH);
    for (const update of updates) {
      for (const { subscriber, known } of open) {
        const time = known.get(update.trackerId);
        if (time && time < update.timestamp && subscriber.offer(update))
          known.set(update.trackerId, update.timestamp);
      }
    }
    return updates.length === BATCH;
  }
}
