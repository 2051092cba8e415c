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
 * A notification can be missed, a marker cannot: this is how late one is found at worst. Not rare: a transaction that
 * saw another's marker notifies nobody, and may commit after that marker was done. Two look-ups in tables of a row or none.
 */
const POLL_MS = 500;
/** Changes that come this soon after each other are taken together. */
const COALESCE_MS = 100;
/**
 * How long after a notification the work begins: whoever stored a report by hand, and refreshes by hand next, as the
 * runbook shows, must not find a refresh of ours at work on the same hours, for the database refuses his then.
 */
const SETTLE_MS = 150;
/** Of a failure, in the log. */
const UPDATE = 'bring the aggregates up to date';
/** Of a payload, in the log. */
const SHOWN_PAYLOAD = 100;
/** The view is refreshed at most a quarter of the time. */
const REST_FACTOR = 3;
/** Without a pass for so long, polled as it is, it is stuck. */
const IDLE_MS = 30_000;
/** A pass may take this long: more than a refresh, which ends at 20 minutes. */
const LONGEST_PASS_MS = 21 * 60_000;

/** Brings the aggregates, and then `location_history`, up to what changed, soon after it did. */
@Injectable()
export class AggregatesListener implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(AggregatesListener.name);
  private readonly failures = new FailureLog(this.logger);
  /** Two, because the view may take long, and history must not wait for it. */
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
    /** Passes one at a time, each of which shows that the loop is alive. */
    const loop = (
      name: string,
      pass: () => Promise<void>,
      restAfter: (ms: number) => number,
    ): SingleFlight => {
      const heartbeat = liveness.loop(name, IDLE_MS);
      const run = (): Promise<void> => {
        heartbeat.beat(LONGEST_PASS_MS);
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

  /** Does not wait for the connection: a database that is late must not stop the rest. */
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

  /** The payload means nothing. The product sends none, so whoever sent one did it by hand, and looks for this line. */
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
      if (outcome === 'more') this.changes.poke(); // where another is at it, the poll looks again
      if (this.wasNotified) {
        this.wasNotified = false;
        await this.aggregates.noteNotification();
      }
      this.failures.recordSuccess(UPDATE);
    } catch (error) {
      // The markers are still there. Another refresh in the way is over in a moment; anything else waits for the poll.
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
