import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Announcer } from '../announcements/announcer.js';
import { DomainError } from '../common/errors/domain-error.js';
import { FailureLog } from '../common/errors/failure-log.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { LiveRepository, type StatusChange } from './live.repository.js';
import { Subscriber } from './subscriber.js';

/** Number of changes that each query reads; if more happen between two queries, the oldest of them are missed. */
const MAX_CHANGES = 1_000;
const COALESCE_MS = 20;

interface Subscription {
  subscriber: Subscriber<StatusChange>;
  /** Null: all trackers. */
  trackerIds: ReadonlySet<string> | null;
}

/**
 * Delivers status changes to subscribers. Changes are few and small, so each query reads the newest changes of all
 * trackers, and the hub delivers the ones that the previous query did not return. Reading only ids above the last one
 * would miss changes, because a lower id may be committed later.
 */
@Injectable()
export class StatusHub implements OnModuleInit, BeforeApplicationShutdown {
  private readonly failures = new FailureLog(new Logger(StatusHub.name));
  private readonly subscriptions = new Set<Subscription>();
  /** Ids that the previous query returned; null before the first query, whose changes are not delivered. */
  private seen: ReadonlySet<string> | null = null;
  private readonly flight = new SingleFlight(
    () => this.deliverAll(),
    () => COALESCE_MS,
  );

  constructor(
    private readonly repository: LiveRepository,
    private readonly announcer: Announcer,
  ) {}

  onModuleInit(): void {
    this.announcer.listen(() => this.flight.poke());
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const { subscriber } of this.subscriptions) await subscriber.return();
    await this.flight.drain();
  }

  /** Subscribes to changes from now on. @param trackerIds null: all trackers. */
  subscribe(trackerIds: readonly string[] | null): Subscriber<StatusChange> {
    const subscription: Subscription = {
      trackerIds: trackerIds && new Set(trackerIds),
      subscriber: new Subscriber(
        () => undefined,
        () => this.subscriptions.delete(subscription),
        tooSlow,
      ),
    };
    this.subscriptions.add(subscription);
    this.flight.poke();
    return subscription.subscriber;
  }

  private async deliverAll(): Promise<void> {
    if (this.subscriptions.size === 0) {
      this.seen = null;
      return;
    }
    await this.failures.attempt('query status changes', async () => {
      const changes = await this.repository.findStatusChanges(MAX_CHANGES);
      const { seen } = this;
      this.seen = new Set(changes.map(({ id }) => id));
      if (seen) for (const change of changes) if (!seen.has(change.id)) this.deliver(change);
    });
  }

  private deliver(change: StatusChange): void {
    for (const { subscriber, trackerIds } of this.subscriptions) {
      if (trackerIds && !trackerIds.has(change.trackerId)) continue;
      if (!subscriber.offer(change)) subscriber.fail(tooSlow());
    }
  }
}

function tooSlow(): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    'The client did not read status changes in time; query statusHistory and subscribe again',
  );
}
