import type { NewReport } from './location-reports.repository.js';

/** Bounds of a numeric field; `max` is inclusive, `below` is exclusive. */
type Limits = { min: number; unit: string } & ({ max: number } | { below: number });

/** The database checks the same bounds, but does not report which value violates them. */
const LIMITS = {
  latitude: { min: -90, max: 90, unit: 'degrees' },
  longitude: { min: -180, max: 180, unit: 'degrees' },
  confidence: { min: 0, max: 255, unit: '' },
  horizontalAccuracy: { min: 0, max: 20_037_508, unit: 'metres' },
  status: { min: 0, max: 255, unit: '' },
  altitude: { min: -12_000, max: 100_000, unit: 'metres' },
  speed: { min: 0, max: 1000, unit: 'metres per second' },
  course: { min: 0, below: 360, unit: 'degrees' },
  battery: { min: 0, max: 100, unit: 'percent' },
} as const satisfies Partial<Record<keyof NewReport, Limits>>;

/** Returns one message per value out of range, with the field, the allowed range and the value. */
export function findValuesOutOfRange(report: Pick<NewReport, keyof typeof LIMITS>): string[] {
  return Object.entries<Limits>(LIMITS).flatMap(([field, limits]) => {
    const value = report[field as keyof typeof LIMITS];
    if (value === null || isWithin(value, limits)) return [];
    const allowed =
      'max' in limits
        ? `between ${limits.min} and ${limits.max}`
        : `at least ${limits.min} and below ${limits.below}`;
    return `${field} must be ${[allowed, limits.unit].join(' ').trimEnd()} (got ${value})`;
  });
}

function isWithin(value: number, limits: Limits): boolean {
  return value >= limits.min && ('max' in limits ? value <= limits.max : value < limits.below);
}
