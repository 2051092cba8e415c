import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Announcer } from '../announcements/announcer.js';
import { FailureLog } from '../common/errors/failure-log.js';
import { LivenessRegistry } from '../common/liveness/liveness.registry.js';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { DIRECT_URL } from '../database/database.module.js';
import { isTransient } from '../common/errors/pg-errors.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import { PgListener } from '../pg-listener/pg-listener.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { AggregatesService } from './aggregates.service.js';

export const REFRESH_CHANNEL = 'refresh_location_history';
/**
 * A notification can be missed, a marker cannot: polling finds it at most this late. Missing one is not rare: a
 * transaction that saw another's marker sends no notification, and may commit after that marker was processed. A poll
 * costs two look-ups in tables of at most one row.
 */
const POLL_MS = 500;
/** Changes within this time are processed together. */
const COALESCE_MS = 100;
/**
 * Delay between a notification and the work. An operator who stores a report and then refreshes by hand, as the runbook
 * shows, must not collide with the refresh of the same hours here: the database would refuse the second one.
 */
const SETTLE_MS = 150;
/** Describes the work in the log after "could not". */
const UPDATE = 'bring the aggregates up to date';
/** Characters of a payload that are logged. */
const SHOWN_PAYLOAD = 100;
/** Rest after a refresh of the view, as a multiple of its duration: it is refreshed at most a quarter of the time. */
const REST_FACTOR = 3;
/** A loop without a pass for this long is stuck, since it is polled. */
const IDLE_MS = 30_000;
/** A pass may take this long; a refresh is stopped after 20 minutes. */
const MAX_PASS_MS = 21 * 60_000;

/** Updates the aggregates, and then `location_history`, soon after reports change. */
@Injectable()
export class AggregatesListener implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(AggregatesListener.name);
  private readonly failures = new FailureLog(this.logger);
  /** Two loops, because the view may take long and history must not wait for it. */
  private readonly changes: SingleFlight;
  private readonly view: SingleFlight;
  private readonly listener: PgListener;
  private wasNotified = false;
  private settling: NodeJS.Timeout | null = null;

  constructor(
    private readonly aggregates: AggregatesService,
    private readonly announcer: Announcer,
    listeners: ListenerRegistry,
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(DIRECT_URL) directUrl: string,
    liveness: LivenessRegistry,
  ) {
    /** Runs one pass at a time; each pass proves that the loop is alive. */
    const loop = (
      name: string,
      pass: () => Promise<void>,
      restAfter: (ms: number) => number,
    ): SingleFlight => {
      const heartbeat = liveness.loop(name, IDLE_MS);
      const run = (): Promise<void> => {
        heartbeat.beat(MAX_PASS_MS);
        return pass();
      };
      return new SingleFlight(run, (ms) => {
        const rest = restAfter(ms);
        heartbeat.beat(rest + IDLE_MS);
        return rest;
      });
    };
    const restOfView = (ms: number): number => Math.max(ms * REST_FACTOR, config.REFRESH_MIN_GAP_MS);
    this.changes = loop(
      'refresh_aggregates',
      () => this.aggregateChanges(),
      () => COALESCE_MS,
    );
    this.view = loop('refresh_view', () => this.refreshView(), restOfView);

    this.listener = new PgListener({
      url: directUrl,
      channel: REFRESH_CHANNEL,
      onNotification: (payload) => this.onNotification(payload),
      onListening: () => this.changes.poke(),
      onState: (message) => this.logger.log(message),
    });
    listeners.add(REFRESH_CHANNEL, this.listener);
  }

  /** Does not wait for the connection: a slow database must not delay the start. */
  onModuleInit(): void {
    this.listener.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.listener.stop();
    await Promise.all([this.changes.drain(), this.view.drain()]);
  }

  @Interval('refresh-backstop', POLL_MS)
  poll(): void {
    this.changes.poke();
    this.view.poke();
  }

  /**
   * Requests a refresh. The product sends no payload; one is logged, because an operator sent it and looks for it in
   * the log.
   */
  private onNotification(payload: string): void {
    const text = `got notification: ${REFRESH_CHANNEL}`;
    if (payload === '') this.logger.debug(text);
    else this.logger.log(`${text} (${JSON.stringify(payload.slice(0, SHOWN_PAYLOAD))})`);
    this.wasNotified = true;
    this.settling ??= setTimeout(() => {
      this.settling = null;
      this.changes.poke();
    }, SETTLE_MS).unref();
  }

  private async aggregateChanges(): Promise<void> {
    try {
      const outcome = await this.aggregates.aggregateChanges();
      if (outcome === 'done' || outcome === 'more') {
        await this.announcer.announce();
        this.view.poke();
      }
      // If another process holds the lock, the next poll tries again.
      if (outcome === 'more') this.changes.poke();
      if (this.wasNotified) {
        this.wasNotified = false;
        await this.aggregates.recordNotification();
      }
      this.failures.recordSuccess(UPDATE);
    } catch (error) {
      // The markers are still pending. A concurrent refresh ends soon, so retry at once; after other errors the poll retries.
      if (isTransient(error)) this.changes.poke();
      else this.failures.recordFailure(UPDATE, error);
    }
  }

  private refreshView(): Promise<void> {
    return this.failures.attempt('refresh location_history', async () => {
      const { refreshed, moreToDo } = await this.aggregates.refreshView();
      if (refreshed) this.logger.debug('location_history refreshed');
      if (moreToDo) this.view.poke();
    });
  }
}
