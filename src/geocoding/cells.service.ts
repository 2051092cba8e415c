import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Session } from '../database/session.js';
import { type AnsweredCell, type Cell, CellsRepository, type Place } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import type { Spans } from './geocoding-queue.repository.js';
import { OfflineGeocoder } from './providers/offline.geocoder.js';

/** Look-ups in one go: about 10 ms, so that the requests of this process do not wait. */
const CELLS_A_TURN = 500;

/** Sees to it that cells have an answer. */
@Injectable()
export class CellsService {
  constructor(
    private readonly cells: CellsRepository,
    private readonly offline: OfflineGeocoder,
    @Inject(GEOCODING_SETUP) private readonly setup: GeocodingSetup,
  ) {}

  /**
   * Answers the cells of what is without a city in these spans, each once, whoever asks; returns how many had to be.
   * Nothing waits for an online provider: what it says comes later.
   */
  async answerIn(session: Session, spans: Spans): Promise<number> {
    return this.answer(session, await this.cells.unansweredIn(session, spans, this.setup.askedOf));
  }

  /** The same for the cells of places. */
  async answerAt(session: Session, places: readonly Place[]): Promise<number> {
    return this.answer(session, await this.cells.unansweredAt(session, places, this.setup.askedOf));
  }

  /** Countries of places given as "latitude longitude", in their order; null where that is not known. One statement. */
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
    for (let i = 0; i < claimed.length; i += CELLS_A_TURN) {
      answers.push(
        ...(await Promise.all(claimed.slice(i, i + CELLS_A_TURN).map((cell) => this.lookUp(cell)))),
      );
      await nextTurn();
    }
    await this.cells.store(session, answers, {
      provider: this.offline.name,
      askedOf,
      better: online ?? undefined,
    });
    return claimed.length;
  }

  /** Of the middle of the cell: the answer must not hang on who asked first. */
  private async lookUp(cell: Cell): Promise<AnsweredCell> {
    return { ...cell, city: await this.offline.nearestCity(cell.latitudeE2 / 100, cell.longitudeE2 / 100) };
  }
}
