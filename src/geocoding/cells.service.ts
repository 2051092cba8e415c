import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Session } from '../database/session.js';
import { type AnsweredCell, type Cell, CellsRepository, type Place } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import type { Spans } from './geocoding-queue.repository.js';
import { OfflineGeocoder } from './providers/offline.geocoder.js';

/** Look-ups per turn of the event loop: about 10 ms, so that requests to this process do not wait. */
const CELLS_PER_TURN = 500;

/** Looks up the cities of cells. */
@Injectable()
export class CellsService {
  constructor(
    private readonly cells: CellsRepository,
    private readonly offline: OfflineGeocoder,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /**
   * Looks up the unanswered cells of the reports without a city in these spans; processes share the answers. Returns how
   * many it looked up. It does not wait for an online provider, whose answers come later.
   */
  async answerSpans(session: Session, spans: Spans): Promise<number> {
    return this.answer(session, await this.cells.findUnansweredInSpans(session, spans, this.setup.askedOf));
  }

  /** Looks up the unanswered cells of these places; returns how many. */
  async answerPlaces(session: Session, places: readonly Place[]): Promise<number> {
    return this.answer(session, await this.cells.findUnansweredAtPlaces(session, places, this.setup.askedOf));
  }

  /** Countries of places given as "latitude longitude", in their order; null where unknown. One statement. */
  countriesOf(places: readonly string[]): Promise<(string | null)[]> {
    return this.cells.countriesOf(
      places.map((place) => {
        const [latitude = NaN, longitude = NaN] = place.split(' ').map(Number);
        return { latitude, longitude };
      }),
    );
  }

  private async answer(session: Session, unanswered: readonly Cell[]): Promise<number> {
    if (unanswered.length === 0) return 0;
    const { askedOf, online } = this.setup;
    const claimed = await this.cells.claim(session, unanswered, askedOf);
    const answers: AnsweredCell[] = [];
    for (let i = 0; i < claimed.length; i += CELLS_PER_TURN) {
      answers.push(
        ...(await Promise.all(claimed.slice(i, i + CELLS_PER_TURN).map((cell) => this.lookUp(cell)))),
      );
      await nextTurn();
    }
    await this.cells.store(session, answers, {
      provider: this.offline.name,
      askedOf,
      preferred: online ?? undefined,
    });
    return claimed.length;
  }

  /** Looks up the centre of the cell, so that the answer does not depend on which report came first. */
  private async lookUp(cell: Cell): Promise<AnsweredCell> {
    return { ...cell, city: await this.offline.nearestCity(cell.latitudeE2 / 100, cell.longitudeE2 / 100) };
  }
}
