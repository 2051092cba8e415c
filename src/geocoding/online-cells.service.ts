import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Cell, CellsRepository } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup, type OnlineProvider } from './geocoding-setup.js';
import { ProvidersRepository } from './providers.repository.js';
import { GeocoderError } from './reverse-geocoder.js';

/**
 * One request a second, for the whole deployment. It counts from the end of the one before: who counts from its
 * beginning knows when it was allowed, and not when it came to the server.
 */
const SPACING_MS = 1_050;

/** Gets better answers of an online provider, one cell at a time, as slowly as that wants it. */
@Injectable()
export class OnlineCellsService {
  private readonly logger = new Logger(OnlineCellsService.name);
  private isRegistered = false;

  constructor(
    private readonly cells: CellsRepository,
    private readonly providers: ProvidersRepository,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /** Asks for what is wanted, until nothing is or nothing may be asked. Other instances share the rate. */
  async askAll(signal: AbortSignal): Promise<void> {
    const { online } = this.setup;
    if (!online) return;
    await this.register(online);
    while (!signal.aborted && (await this.askOne(online))) {
      await sleep(SPACING_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Makes the provider known to the database, before cells count on it. */
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
      await this.providers.noteAnswer(name, SPACING_MS);
    } catch (error) {
      if (!(error instanceof GeocoderError)) throw error;
      await this.giveUp(name, cell, error);
    }
    return true;
  }

  /** The answers of the stand-in hold now: of this cell, and while the provider does not work of all of them. */
  private async giveUp(name: string, cell: Cell, { message, pauseMs }: GeocoderError): Promise<void> {
    await this.providers.noteError(name, message, SPACING_MS, pauseMs);
    await this.cells.settle(pauseMs === undefined ? cell : undefined);
    const pause = pauseMs === undefined ? '' : `; not asked for ${Math.ceil(pauseMs / 1000)} s`;
    this.logger.warn(`${name}: ${message}${pause}`);
  }
}
