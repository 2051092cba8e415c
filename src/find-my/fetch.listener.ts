import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { FailureLog } from '../common/errors/failure-log.js';
import { type Heartbeat, LivenessRegistry } from '../common/liveness/liveness.registry.js';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { DIRECT_URL } from '../database/database.module.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import { PgListener } from '../pg-listener/pg-listener.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { FetchService } from './fetch.service.js';

export const FETCH_CHANNEL = 'tracker_fetches';
/** Name of the work in the log of failures. */
const FETCH = 'fetch reports';
/** Poll too: a notification can be lost, and none is sent when the lease of a dead process expires. */
const POLL_MS = 5_000;
/** Pause after a failure: an invalid configuration, or an endpoint that is down. */
const PAUSE_AFTER_FAILURE_MS = 60_000;
/** A pass fetches until nothing is left, which can take hours. */
const LONGEST_PASS_MS = 6 * 3_600_000;

/** Fetches soon after a request: a tracker that a user requested, or a part of a fetch that another process started. */
@Injectable()
export class FetchListener implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(FetchListener.name);
  private readonly stop = new AbortController();
  private readonly passes: SingleFlight;
  private readonly heartbeat: Heartbeat;
  private readonly listener: PgListener | null;
  private readonly failures = new FailureLog(this.logger);

  constructor(
    private readonly fetches: FetchService,
    listeners: ListenerRegistry,
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(DIRECT_URL) directUrl: string,
    liveness: LivenessRegistry,
  ) {
    this.heartbeat = liveness.loop('tracker_fetches', PAUSE_AFTER_FAILURE_MS + 6 * POLL_MS);
    this.passes = new SingleFlight(
      () => this.drain(),
      () => (this.failures.isFailing(FETCH) ? PAUSE_AFTER_FAILURE_MS : 0),
    );
    this.listener =
      config.FIND_MY_ENDPOINT_URL === undefined
        ? null
        : new PgListener({
            url: directUrl,
            channel: FETCH_CHANNEL,
            onNotification: () => this.passes.poke(),
            onListening: () => this.passes.poke(),
            onState: (message) => this.logger.log(message),
          });
    if (this.listener) listeners.add(FETCH_CHANNEL, this.listener);
  }

  onModuleInit(): void {
    this.listener?.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort(new Error('the process is stopping'));
    await this.listener?.stop();
    await this.passes.drain();
  }

  @Interval('tracker-fetches-backstop', POLL_MS)
  poll(): void {
    if (this.listener) this.passes.poke();
    else this.heartbeat.beat();
  }

  private async drain(): Promise<void> {
    this.heartbeat.beat(LONGEST_PASS_MS);
    try {
      await this.fetches.drain(this.stop.signal);
      this.failures.recordSuccess(FETCH);
    } catch (error) {
      // The trackers stay wanted, so the next pass tries again.
      if (!this.stop.signal.aborted) this.failures.recordFailure(FETCH, error);
    } finally {
      this.heartbeat.beat();
    }
  }
}
