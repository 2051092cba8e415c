import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Session } from '../database/session.js';
import { type AnsweredCell, type Cell, CellsRepository, type Position } from './cells.repository.js';
import { GEOCODING_SETUP, type GeocodingSetup } from './geocoding-setup.js';
import type { Spans } from './geocoding-queue.repository.js';
import { OfflineGeocoder } from './providers/offline.geocoder.js';

/** Cells looked up per turn of the event loop: about 10 ms, so that requests to this process do not wait. */
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
   * Looks up the unanswered cells of reports without a city in these spans, at the offline provider; returns how many.
   * The online provider answers later. All processes share the answers.
   */
  async lookUpSpans(session: Session, spans: Spans): Promise<number> {
    const cells = await this.cells.findUnansweredInSpans(session, spans, this.setup.version);
    return this.lookUpCells(session, cells);
  }

  /** Looks up the unanswered cells of these positions; returns how many. */
  async lookUpPositions(session: Session, positions: readonly Position[]): Promise<number> {
    const cells = await this.cells.findUnansweredAtPositions(session, positions, this.setup.version);
    return this.lookUpCells(session, cells);
  }

  /** Countries of positions written as "latitude longitude", in their order; null where unknown. One statement. */
  countriesOf(positions: readonly string[]): Promise<(string | null)[]> {
    return this.cells.countriesOf(
      positions.map((position) => {
        const [latitude = NaN, longitude = NaN] = position.split(' ').map(Number);
        return { latitude, longitude };
      }),
    );
  }

  private async lookUpCells(session: Session, unanswered: readonly Cell[]): Promise<number> {
    if (unanswered.length === 0) return 0;
    const { version, online } = this.setup;
    const claimed = await this.cells.claim(session, unanswered, version);
    const answers: AnsweredCell[] = [];
    for (let i = 0; i < claimed.length; i += CELLS_PER_TURN) {
      answers.push(
        ...(await Promise.all(claimed.slice(i, i + CELLS_PER_TURN).map((cell) => this.lookUpCell(cell)))),
      );
      await nextTurn();
    }
    await this.cells.store(session, answers, {
      provider: this.offline.name,
      version,
      preferred: online ?? undefined,
    });
    return claimed.length;
  }

  /** Looks up the centre of the cell, so that the answer does not depend on which report came first. */
  private async lookUpCell(cell: Cell): Promise<AnsweredCell> {
    return { ...cell, city: await this.offline.nearestCity(cell.latitudeE2 / 100, cell.longitudeE2 / 100) };
  }
}
