import { around } from 'geokdbush';
import KDBush from 'kdbush';
import type { City } from '../reverse-geocoder.js';

/** A city with its location. */
export interface LocatedCity {
  name: string;
  country: string;
  latitude: number;
  longitude: number;
}

/**
 * Cities in a packed spatial index. An object per city would take twenty times the memory, and slow down every garbage
 * collection.
 */
export class CityTable {
  private readonly index: KDBush;
  private readonly names: Buffer;
  /** Offset of each name, and the end of the last one. */
  private readonly nameStarts: Uint32Array;
  private readonly countries: string[];
  private readonly countryOf: Uint16Array;

  constructor(cities: readonly LocatedCity[]) {
    this.index = new KDBush(cities.length);
    this.names = Buffer.from(cities.map(({ name }) => name).join(''));
    this.nameStarts = new Uint32Array(cities.length + 1);
    this.countryOf = new Uint16Array(cities.length);
    const countryNumbers = new Map<string, number>();
    cities.forEach(({ name, country, latitude, longitude }, i) => {
      this.index.add(longitude, latitude);
      this.nameStarts[i + 1] = (this.nameStarts[i] ?? 0) + Buffer.byteLength(name);
      const number = countryNumbers.get(country) ?? countryNumbers.size;
      countryNumbers.set(country, number);
      this.countryOf[i] = number;
    });
    this.countries = [...countryNumbers.keys()];
    this.index.finish();
  }

  get size(): number {
    return this.countryOf.length;
  }

  /** Memory used, in bytes. */
  get bytes(): number {
    const { index, names, nameStarts, countryOf } = this;
    return index.data.byteLength + names.byteLength + nameStarts.byteLength + countryOf.byteLength;
  }

  /** Returns the nearest city by great-circle distance; null if there is none within `maxKilometres`. */
  nearest(latitude: number, longitude: number, maxKilometres: number): City | null {
    const [i] = around(this.index, longitude, latitude, 1, maxKilometres);
    return i === undefined ? null : this.cityAt(i);
  }

  private cityAt(i: number): City {
    return {
      name: this.names.toString('utf8', this.nameStarts[i], this.nameStarts[i + 1]),
      country: this.countries[this.countryOf[i] ?? -1] ?? null,
    };
  }
}
