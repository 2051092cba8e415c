/** A city, as a provider names it. */
export interface City {
  name: string;
  /** ISO 3166-1 alpha-2, in capitals; null where the provider does not say. */
  country: string | null;
}

/** Who knows the nearest city of a place. */
export interface ReverseGeocoder {
  /** Kept with every answer. */
  readonly name: string;
  /**
   * The nearest city; null where there is none, as at sea.
   *
   * @throws GeocoderError when it cannot say.
   */
  nearestCity(latitude: number, longitude: number): Promise<City | null>;
}

/** A provider could not answer. What it sent is not believed, and nothing is kept of it. */
export class GeocoderError extends Error {
  override readonly name = 'GeocoderError';
  /** It asks not to be asked for so long. */
  readonly pauseMs: number | undefined;

  constructor(message: string, { cause, pauseMs }: { cause?: unknown; pauseMs?: number } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.pauseMs = pauseMs;
  }
}
