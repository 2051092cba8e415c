import { Inject, Injectable } from '@nestjs/common';
import { retryTransient } from '../database/retry.js';
import { BatchSize } from './batch-size.js';
import { CellsService } from './cells.service.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import { type Backlog, GeocodingQueueRepository, type ShownLocation } from './geocoding-queue.repository.js';
import { OnlineCellsService } from './online-cells.service.js';

/** Days that a run of the search looks at: a year of them takes twelve runs. */
const DAYS_A_SEARCH = 30;

/** What came of a batch. */
export interface GeocodedBatch {
  /** Without a city, that were looked at. */
  reports: number;
  /** Of them, and of days whose raw reports are gone, that got one. */
  filled: number;
  /** Cells that a provider was asked for. */
  cellsAsked: number;
}

/** Gives reports and history their cities, some time after they came in. */
@Injectable()
export class GeocodingService {
  private readonly batchSize = new BatchSize();

  constructor(
    private readonly queue: GeocodingQueueRepository,
    private readonly cells: CellsService,
    private readonly online: OnlineCellsService,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /** Whether reports wait for their city now, and whether more have just come in. */
  backlog(): Promise<Backlog> {
    return this.queue.backlog();
  }

  /** Geocodes the newest reports that wait, one bounded batch; null where none does. Any number of processes may. */
  async geocodeBatch(): Promise<GeocodedBatch | null> {
    await this.prepare();
    return retryTransient(async () => {
      const began = performance.now();
      const batch = await this.queue.transaction(async (session) => {
        const spans = await this.queue.claim(session, this.batchSize.reports);
        if (!spans) return null;
        const cellsAsked = await this.cells.answerIn(session, spans);
        const filled = await this.queue.fill(session, spans);
        await this.queue.complete(session, spans, this.setup.online === null);
        const geocoded = { reports: spans.reports, filled, cellsAsked };
        await this.queue.addTotals(session, geocoded);
        return geocoded;
      });
      if (batch) this.batchSize.took(performance.now() - began);
      return batch;
    });
  }

  /**
   * Gives rows of history the city of their place now, also where they have another; what an online provider may still say
   * better is left to the queue. Returns how many were changed.
   */
  async geocodeLocations(locations: readonly ShownLocation[]): Promise<number> {
    await this.prepare();
    return retryTransient(() =>
      this.queue.transaction(async (session) => {
        await this.cells.answerAt(session, locations);
        return this.queue.carryCities(session, locations);
      }),
    );
  }

  /** Has rows of history geocoded soon. */
  queueLocations(locations: readonly ShownLocation[]): Promise<void> {
    return this.queue.addLocations(locations);
  }

  /**
   * Geocodes what waits, and then what the queue does not know of: rows from before there was one, negative answers that
   * have expired. Newest first; it goes on where the run before stopped, and after the oldest day begins anew.
   */
  async fillMissing(signal: AbortSignal): Promise<{ rows: number; days: number }> {
    let rows = await this.geocodeAll(signal);
    let days = 0;
    for (; days < DAYS_A_SEARCH && !signal.aborted; days++) {
      const day = await this.queue.nextDayToSearch();
      if (!day) {
        await this.queue.beginSearchAnew();
        break;
      }
      if ((await this.queue.queueDay(day, this.setup.askedOf)) > 0) rows += await this.geocodeAll(signal);
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

  private async prepare(): Promise<void> {
    if (this.setup.online) await this.online.register(this.setup.online);
  }
}
