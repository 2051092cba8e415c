import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Announcer } from '../announcements/announcer.js';
import { DomainError } from '../common/errors/domain-error.js';
import { FailureLog } from '../common/errors/failure-log.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { LiveRepository, type LiveUpdate } from './live.repository.js';
import { Subscriber } from './subscriber.js';

/** Maximum number of updates per query. */
const BATCH_SIZE = 2_000;
/** Announcements within this time share one query. */
const COALESCE_MS = 20;
/** Longest delay of an update whose announcement was lost. */
const POLL_MS = 5_000;

/** A subscriber and its position in the reports of each tracker. */
interface Subscription {
  subscriber: Subscriber<LiveUpdate>;
  /** Time of the newest delivered report, by tracker; null until a subscription without `since` has started. */
  positions: Map<string, Date | null>;
}

/**
 * Delivers to each subscriber the reports that are newer than its position, in order.
 *
 * A position is the time of the last delivered report, and the reports are in the database, so no message log is
 * needed: a client that was disconnected resumes from a time, and a slow client does not fill a queue. One query per
 * announcement serves all subscribers of this process.
 */
@Injectable()
export class LiveHub implements OnModuleInit, BeforeApplicationShutdown {
  private readonly failures = new FailureLog(new Logger(LiveHub.name));
  private readonly subscriptions = new Set<Subscription>();
  private readonly flight = new SingleFlight(
    () => this.deliverAll(),
    () => COALESCE_MS,
  );

  constructor(
    private readonly repository: LiveRepository,
    private readonly announcer: Announcer,
  ) {}

  onModuleInit(): void {
    this.announcer.listen(() => this.poll());
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const { subscriber } of this.subscriptions) await subscriber.return();
    await this.flight.drain();
  }

  /** @param since the stored reports after this time are delivered first; null: only new reports. */
  subscribe(trackerIds: readonly string[], since: Date | null): Subscriber<LiveUpdate> {
    const subscription: Subscription = {
      positions: new Map(trackerIds.map((id) => [id, since])),
      subscriber: new Subscriber(
        () => this.flight.poke(),
        () => this.subscriptions.delete(subscription),
        () =>
          new DomainError(
            'UNAVAILABLE',
            'The client did not read updates for a minute; subscribe again with `since`',
          ),
      ),
    };
    this.subscriptions.add(subscription);
    this.flight.poke();
    return subscription.subscriber;
  }

  @Interval('live-backstop', POLL_MS)
  poll(): void {
    if (this.subscriptions.size > 0) this.flight.poke();
  }

  private deliverAll(): Promise<void> {
    return this.failures.attempt('query new reports', async () => {
      await this.startNewSubscriptions();
      while (await this.deliverBatch());
    });
  }

  /** Subscriptions without `since` start after the newest report of each tracker. */
  private async startNewSubscriptions(): Promise<void> {
    const unknown = new Set<string>();
    for (const { positions } of this.subscriptions) {
      for (const [id, time] of positions) if (time === null) unknown.add(id);
    }
    if (unknown.size === 0) return;
    const newest = await this.repository.findNewest([...unknown]);
    for (const { positions } of this.subscriptions) {
      for (const [id, time] of positions) if (time === null) positions.set(id, newest.get(id) ?? new Date());
    }
  }

  /** Delivers one batch to the subscribers whose queue is not full. @returns whether there may be more reports. */
  private async deliverBatch(): Promise<boolean> {
    const positions = new Map<string, Date>();
    const open = [...this.subscriptions].filter(({ subscriber }) => !subscriber.isFull);
    for (const subscription of open) {
      for (const [id, time] of subscription.positions) {
        if (time === null) continue; // subscribed during this pass; the next pass starts it
        const earliest = positions.get(id);
        if (!earliest || time < earliest) positions.set(id, time);
      }
    }
    if (positions.size === 0) return false;
    const updates = await this.repository.findUpdates(positions, BATCH_SIZE);
    for (const update of updates) {
      for (const { subscriber, positions: own } of open) {
        const time = own.get(update.trackerId);
        if (time && time < update.timestamp && subscriber.offer(update))
          own.set(update.trackerId, update.timestamp);
      }
    }
    return updates.length === BATCH_SIZE;
  }
}
