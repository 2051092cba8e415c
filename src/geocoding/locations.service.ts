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

/** Geocoding of rows of history that somebody names, and its state. */
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
   * Geocodes rows now and returns those that are there, in the order of the ids.
   *
   * @throws DomainError `BAD_USER_INPUT` (an id), `UNAVAILABLE` where geocoding is off.
   */
  async process(ids: readonly string[]): Promise<LocationHistoryRow[]> {
    const rows = await this.history.findMany(ids, ARGUMENT);
    if (this.setup.provider === 'off') {
      throw new DomainError('UNAVAILABLE', 'Geocoding is off (GEOCODING_PROVIDER)');
    }
    await this.geocoding.geocodeLocations(rows);
    return this.history.findMany(ids, ARGUMENT);
  }

  /** Has the reports of rows geocoded soon. @throws DomainError `BAD_USER_INPUT` (an id). */
  async request(ids: readonly string[]): Promise<GeocodingRequestModel> {
    const rows = await this.history.findMany(ids, ARGUMENT);
    if (this.setup.provider === 'off') {
      return { accepted: false, message: 'Geocoding is off' };
    }
    await this.geocoding.queueLocations(rows);
    const message = `The reports without a city of ${rows.length} of ${ids.length} locations are going to be geocoded`;
    return { accepted: rows.length > 0, message };
  }

  async status(): Promise<GeocodingStatusModel> {
    const { provider, online } = this.setup;
    const [done, counted, state] = await Promise.all([
      this.queue.status(),
      this.cells.count(),
      online && this.providers.state(online.name),
    ]);
    return {
      provider,
      pending: done.pending,
      oldestPendingAt: done.oldestPendingAt,
      cells: counted.cells,
      cellsWithoutCity: counted.withoutCity,
      cellsProvisional: counted.provisional,
      hits: Math.max(done.reports - done.cellsAsked, 0),
      misses: done.cellsAsked,
      filled: done.filled,
      online: online && state && { name: online.name, dailyBudget: online.dailyBudget, ...state },
    };
  }
}
