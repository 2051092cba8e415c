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
/** How late a report gets its city at worst, while there is no backlog. A look-up in a table that is mostly empty. */
const POLL_MS = 1_000;
/** It works at most a tenth of the time while reports come in: who brings them works on the same database. */
const REST_FACTOR = 9;
/** A pass that only waited, for a lock or for a busy machine, must not hold up the cities as if it had worked. */
const LONGEST_REST_MS = 5_000;
/** Without a pass for so long, polled as it is, it is stuck. */
const IDLE_MS = 30_000;
/** A batch takes a second; it may have to wait for locks, and is tried again for a minute. */
const LONGEST_PASS_MS = 10 * MINUTE;

/** Geocodes what came in, soon after it did, and every ten minutes what was missed. */
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
        heartbeat?.beat(LONGEST_PASS_MS);
        return this.geocodeReports();
      },
      (ms) => {
        const rest = this.isArriving ? Math.min(ms * REST_FACTOR, LONGEST_REST_MS) : 0;
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
    // What waits is still queued: the next poll tries again.
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
