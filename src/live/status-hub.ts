import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Announcer } from '../announcements/announcer.js';
import { DomainError } from '../common/errors/domain-error.js';
import { FailureLog } from '../common/errors/failure-log.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { LiveRepository, type StatusChange } from './live.repository.js';
import { Subscriber } from './subscriber.js';

/** Changes that one look brings at most, and so those between two looks that nobody misses. */
const WINDOW = 1_000;
const COALESCE_MS = 20;

interface Subscription {
  subscriber: Subscriber<StatusChange>;
  /** Null: all. */
  trackerIds: ReadonlySet<string> | null;
}

/**
 * Gives subscribers the changes of status. Rare, and small: so each look reads the newest of all trackers, and gives
 * those that it had not seen. Not those behind the last id: a lower one may be committed later.
 */
@Injectable()
export class StatusHub implements OnModuleInit, BeforeApplicationShutdown {
  private readonly failures = new FailureLog(new Logger(StatusHub.name));
  private readonly subscriptions = new Set<Subscription>();
  /** Ids of the last look; null: nobody has looked, and what is there now is not news. */
  private seen: ReadonlySet<string> | null = null;
  private readonly flight = new SingleFlight(
    () => this.pass(),
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

  /** From now on; whoever was away reads `statusHistory`. @param trackerIds null: of all trackers. */
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

  private async pass(): Promise<void> {
    if (this.subscriptions.size === 0) {
      this.seen = null;
      return;
    }
    await this.failures.attempt('look for changes of status', async () => {
      const changes = await this.repository.findStatusChanges(WINDOW);
      const { seen } = this;
      this.seen = new Set(changes.map(({ id }) => id));
      if (seen) for (const change of changes) if (!seen.has(change.id)) this.give(change);
    });
  }

  private give(change: StatusChange): void {
    for (const { subscriber, trackerIds } of this.subscriptions) {
      if (trackerIds && !trackerIds.has(change.trackerId)) continue;
      if (!subscriber.offer(change)) subscriber.fail(tooSlow());
    }
  }
}

function tooSlow(): DomainError {
  return new DomainError('UNAVAILABLE', 'Changes were not read; read statusHistory, and subscribe again');
}
