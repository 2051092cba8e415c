import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { FailureLog } from '../common/errors/failure-log.js';
import { LivenessRegistry } from '../common/liveness/liveness.registry.js';
import { JobRunner } from '../jobs/job-runner.js';
import { SingleFlight } from '../pg-listener/single-flight.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import { GeocodingService } from './geocoding.service.js';
import { OnlineCellsService } from './online-cells.service.js';

const MINUTE = 60_000;
/** Longest wait of a new report without a backlog. A poll is a look-up in a mostly empty table. */
const POLL_MS = 1_000;
/** While reports arrive, geocoding works at most a tenth of the time, to leave the database to the imports. */
const REST_FACTOR = 9;
/** Longest rest, for a pass that took long only because it waited for locks. */
const MAX_REST_MS = 5_000;
/** The loop counts as stuck after this time without a pass. */
const IDLE_MS = 30_000;
/** Longest pass: a batch takes about a second, but may wait for locks and be retried. */
const MAX_PASS_MS = 10 * MINUTE;

/** Geocodes new reports soon after they arrive, and every ten minutes the reports that were missed. */
@Injectable()
export class GeocodingCron implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(GeocodingCron.name);
  private readonly stop = new AbortController();
  private readonly failures = new FailureLog(this.logger);
  private readonly reports: SingleFlight;
  private isArriving = false;
  private readonly cells: SingleFlight;

  constructor(
    private readonly geocoding: GeocodingService,
    private readonly online: OnlineCellsService,
    private readonly jobs: JobRunner,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
    liveness: LivenessRegistry,
  ) {
    const heartbeat = setup.provider === 'off' ? null : liveness.loop('geocoding', IDLE_MS);
    this.reports = new SingleFlight(
      () => {
        heartbeat?.beat(MAX_PASS_MS);
        return this.geocodeReports();
      },
      (ms) => {
        const rest = this.isArriving ? Math.min(ms * REST_FACTOR, MAX_REST_MS) : 0;
        heartbeat?.beat(rest + IDLE_MS);
        return rest;
      },
    );
    this.cells = new SingleFlight(
      () => this.askOnline(),
      () => 0,
    );
  }

  onModuleInit(): void {
    if (this.setup.provider === 'off') return;
    this.jobs.register({
      name: 'geocode',
      cron: '*/10 * * * *',
      deadlineMs: 9 * MINUTE,
      run: async (signal) => {
        const { rows, days } = await this.geocoding.fillMissing(signal);
        return { rows, details: { days } };
      },
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await Promise.all([this.reports.drain(), this.cells.drain()]);
  }

  @Interval('geocoding', POLL_MS)
  poll(): void {
    if (this.setup.provider === 'off') return;
    this.reports.poke();
    if (this.setup.online) this.cells.poke();
  }

  private geocodeReports(): Promise<void> {
    // After a failure the reports are still queued, and the next poll retries.
    return this.failures.attempt('geocode reports', async () => {
      const { isWaiting, isArriving } = await this.geocoding.backlog();
      this.isArriving = isArriving;
      if (isWaiting && (await this.geocoding.geocodeBatch())) this.reports.poke();
    });
  }

  private askOnline(): Promise<void> {
    return this.failures.attempt('ask the online provider', () => this.online.askAll(this.stop.signal));
  }
}
