import { Inject, Injectable } from '@nestjs/common';
import { retryTransient } from '../database/retry.js';
import { BatchSize } from './batch-size.js';
import { CellsService } from './cells.service.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import { type Backlog, GeocodingQueueRepository, type ShownLocation } from './geocoding-queue.repository.js';
import { OnlineCellsService } from './online-cells.service.js';

/** Days searched per run of the job: a year takes twelve runs. */
const DAYS_PER_RUN = 30;

/** Result of a batch. */
export interface GeocodedBatch {
  /** Reports without a city that were processed. */
  reports: number;
  /** Reports, and days without raw reports, that got a city. */
  filled: number;
  /** Cells looked up at a provider. */
  cellsLookedUp: number;
}

/** Sets the cities of reports and history, some time after ingest. */
@Injectable()
export class GeocodingService {
  private readonly batchSize = new BatchSize();

  constructor(
    private readonly queue: GeocodingQueueRepository,
    private readonly cells: CellsService,
    private readonly online: OnlineCellsService,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /** Whether reports wait for their city, and whether more are arriving. */
  backlog(): Promise<Backlog> {
    return this.queue.backlog();
  }

  /** Geocodes a batch of the newest waiting reports, or returns null. Safe to run in several processes. */
  async geocodeBatch(): Promise<GeocodedBatch | null> {
    await this.registerProvider();
    return retryTransient(async () => {
      const began = performance.now();
      const batch = await this.queue.transaction(async (session) => {
        const spans = await this.queue.claim(session, this.batchSize.reports);
        if (!spans) return null;
        const cellsLookedUp = await this.cells.lookUpSpans(session, spans);
        const filled = await this.queue.fill(session, spans);
        await this.queue.complete(session, spans, this.setup.online === null);
        const geocoded = { reports: spans.reports, filled, cellsLookedUp };
        await this.queue.addTotals(session, geocoded);
        return geocoded;
      });
      if (batch) this.batchSize.record(performance.now() - began);
      return batch;
    });
  }

  /**
   * Geocodes rows of history now, replacing their current city. Rows with a provisional answer are left to the queue.
   * Returns how many changed.
   */
  async geocodeLocations(locations: readonly ShownLocation[]): Promise<number> {
    await this.registerProvider();
    return retryTransient(() =>
      this.queue.transaction(async (session) => {
        await this.cells.lookUpPositions(session, locations);
        return this.queue.updateCities(session, locations);
      }),
    );
  }

  /** Queues the reports of history rows. */
  queueLocations(locations: readonly ShownLocation[]): Promise<void> {
    return this.queue.addLocations(locations);
  }

  /**
   * Geocodes the queue, then rows that are not in it: rows older than the queue feature, and rows whose negative answer
   * has expired. Newest day first; a run continues where the previous one stopped, and restarts after the oldest day.
   */
  async fillMissing(signal: AbortSignal): Promise<{ rows: number; days: number }> {
    let rows = await this.geocodeAll(signal);
    let days = 0;
    for (; days < DAYS_PER_RUN && !signal.aborted; days++) {
      const day = await this.queue.nextDayToSearch();
      if (!day) {
        await this.queue.restartSearch();
        break;
      }
      if ((await this.queue.queueDay(day, this.setup.version)) > 0) rows += await this.geocodeAll(signal);
    }
    return { rows, days };
  }

  private async geocodeAll(signal: AbortSignal): Promise<number> {
    let filled = 0;
    while (!signal.aborted) {
      const batch = await this.geocodeBatch();
      if (!batch) break;
      filled += batch.filled;
    }
    return filled;
  }

  private async registerProvider(): Promise<void> {
    if (this.setup.online) await this.online.register(this.setup.online);
  }
}
