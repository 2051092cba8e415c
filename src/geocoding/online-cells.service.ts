import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Cell, CellsRepository } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup, type OnlineProvider } from './geocoding-setup.js';
import { ProvidersRepository } from './providers.repository.js';
import { GeocoderError } from './reverse-geocoder.js';

/**
 * Time between two requests of all processes: the limit is one request per second. It is measured from the end of a
 * request, because the server may receive a request at any time before its end.
 */
const SPACING_MS = 1_050;

/** Looks up cells at an online provider, one at a time and within its limits. */
@Injectable()
export class OnlineCellsService {
  private readonly logger = new Logger(OnlineCellsService.name);
  private isRegistered = false;

  constructor(
    private readonly cells: CellsRepository,
    private readonly providers: ProvidersRepository,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /** Looks up cells with a provisional answer until none is left or a limit, shared by all instances, is reached. */
  async askAll(signal: AbortSignal): Promise<void> {
    const { online } = this.setup;
    if (!online) return;
    await this.register(online);
    while (!signal.aborted && (await this.askOne(online))) {
      await sleep(SPACING_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Registers the provider in the database, before cells refer to it. */
  async register({ name }: OnlineProvider): Promise<void> {
    if (this.isRegistered) return;
    await this.providers.register(name);
    this.isRegistered = true;
  }

  private async askOne({ name, dailyBudget, geocoder, timeoutMs }: OnlineProvider): Promise<boolean> {
    const cell = await this.providers.claimRequest(name, dailyBudget, timeoutMs + SPACING_MS);
    if (!cell) return false;
    try {
      const city = await geocoder.nearestCity(cell.latitudeE2 / 100, cell.longitudeE2 / 100);
      await this.cells.storeOnline({ ...cell, city }, name, this.setup.version);
      await this.providers.recordAnswer(name, SPACING_MS);
    } catch (error) {
      if (!(error instanceof GeocoderError)) throw error;
      await this.handleFailure(name, cell, error);
    }
    return true;
  }

  /** Makes the offline answer of the cell final, or of all cells if the provider pauses. */
  private async handleFailure(name: string, cell: Cell, { message, pauseMs }: GeocoderError): Promise<void> {
    await this.providers.recordError(name, message, SPACING_MS, pauseMs);
    await this.cells.finalize(pauseMs === undefined ? cell : undefined);
    const pause = pauseMs === undefined ? '' : `; paused for ${Math.ceil(pauseMs / 1000)} s`;
    this.logger.warn(`${name}: ${message}${pause}`);
  }
}
