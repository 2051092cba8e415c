import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Cell, CellsRepository } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup, type OnlineProvider } from './geocoding-setup.js';
import { ProvidersRepository } from './providers.repository.js';
import { GeocoderError } from './reverse-geocoder.js';

/**
 * At most one request per second for the whole deployment. It counts from the end of the request before, because only
 * then is it certain that the server has received it.
 */
const SPACING_MS = 1_050;

/** Asks an online provider about cells, one at a time and within its rate limit. */
@Injectable()
export class OnlineCellsService {
  private readonly logger = new Logger(OnlineCellsService.name);
  private isRegistered = false;

  constructor(
    private readonly cells: CellsRepository,
    private readonly providers: ProvidersRepository,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /** Asks about the wanted cells until none is left or the limits are reached. All instances share the limits. */
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
      await this.cells.storeOnline({ ...cell, city }, name, this.setup.askedOf);
      await this.providers.recordAnswer(name, SPACING_MS);
    } catch (error) {
      if (!(error instanceof GeocoderError)) throw error;
      await this.giveUp(name, cell, error);
    }
    return true;
  }

  /** Makes the offline answer of the cell final; while the provider pauses, those of all cells. */
  private async giveUp(name: string, cell: Cell, { message, pauseMs }: GeocoderError): Promise<void> {
    await this.providers.recordError(name, message, SPACING_MS, pauseMs);
    await this.cells.settle(pauseMs === undefined ? cell : undefined);
    const pause = pauseMs === undefined ? '' : `; paused for ${Math.ceil(pauseMs / 1000)} s`;
    this.logger.warn(`${name}: ${message}${pause}`);
  }
}
