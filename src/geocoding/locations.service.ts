import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { LocationHistoryRow } from '../location-history/location-history.row.js';
import { LocationHistoryService } from '../location-history/location-history.service.js';
import { CellsRepository } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import type { GeocodingRequestModel, GeocodingStatusModel } from './geocoding.model.js';
import { GeocodingQueueRepository } from './geocoding-queue.repository.js';
import { GeocodingService } from './geocoding.service.js';
import { ProvidersRepository } from './providers.repository.js';

const ARGUMENT = 'locationIds';

/** Geocodes requested rows of history, and reports the state of geocoding. */
@Injectable()
export class LocationsService {
  constructor(
    private readonly history: LocationHistoryService,
    private readonly geocoding: GeocodingService,
    private readonly queue: GeocodingQueueRepository,
    private readonly cells: CellsRepository,
    private readonly providers: ProvidersRepository,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /**
   * Geocodes rows now and returns them in the order of the ids; ids without a row are left out.
   *
   * @throws DomainError `BAD_USER_INPUT` (an id), `UNAVAILABLE` when geocoding is off.
   */
  async process(ids: readonly string[]): Promise<LocationHistoryRow[]> {
    const rows = await this.history.findMany(ids, ARGUMENT);
    if (this.setup.provider === 'off') {
      throw new DomainError(
        'UNAVAILABLE',
        'Geocoding is off: set GEOCODING_PROVIDER to "offline" or "nominatim"',
      );
    }
    await this.geocoding.geocodeLocations(rows);
    return this.history.findMany(ids, ARGUMENT);
  }

  /** Queues the reports of rows. @throws DomainError `BAD_USER_INPUT` (an id). */
  async request(ids: readonly string[]): Promise<GeocodingRequestModel> {
    const rows = await this.history.findMany(ids, ARGUMENT);
    if (this.setup.provider === 'off') {
      return { accepted: false, message: 'Geocoding is off' };
    }
    await this.geocoding.queueLocations(rows);
    const message = `Queued ${rows.length} of ${ids.length} locations: their reports without a city will be geocoded`;
    return { accepted: rows.length > 0, message };
  }

  async status(): Promise<GeocodingStatusModel> {
    const { provider, online } = this.setup;
    const [queue, counts, state] = await Promise.all([
      this.queue.status(),
      this.cells.count(),
      online && this.providers.state(online.name),
    ]);
    return {
      provider,
      pending: queue.pending,
      oldestPendingAt: queue.oldestPendingAt,
      cells: counts.cells,
      cellsWithoutCity: counts.withoutCity,
      cellsProvisional: counts.provisional,
      hits: Math.max(queue.reports - queue.cellsLookedUp, 0),
      misses: queue.cellsLookedUp,
      filled: queue.filled,
      online: online && state && { name: online.name, dailyBudget: online.dailyBudget, ...state },
    };
  }
}
