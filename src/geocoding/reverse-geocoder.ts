/** A city as a provider names it. */
export interface City {
  name: string;
  /** ISO 3166-1 alpha-2 in upper case; null if the provider does not return one. */
  country: string | null;
}

/** Finds the city nearest to a position. */
export interface ReverseGeocoder {
  /** Name of the provider, stored with every answer. */
  readonly name: string;
  /**
   * Returns the nearest city; null if there is none, for example at sea.
   *
   * @throws GeocoderError when the provider fails.
   */
  nearestCity(latitude: number, longitude: number): Promise<City | null>;
}

/** A provider failed or sent an invalid answer; nothing is stored. */
export class GeocoderError extends Error {
  override readonly name = 'GeocoderError';
  /** How long to send no requests; undefined: no pause. */
  readonly pauseMs: number | undefined;

  constructor(message: string, { cause, pauseMs }: { cause?: unknown; pauseMs?: number } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.pauseMs = pauseMs;
  }
}
