import type { NewReport } from './location-reports.repository.js';

/** What a number of a report may be; `below` instead of `max` where the end is not allowed itself. */
type Range = { min: number; unit: string } & ({ max: number } | { below: number });

/** The database refuses the same, but does not say which value it was. */
const RANGES = {
  latitude: { min: -90, max: 90, unit: 'degrees' },
  longitude: { min: -180, max: 180, unit: 'degrees' },
  confidence: { min: 0, max: 255, unit: '' },
  horizontalAccuracy: { min: 0, max: 20_037_508, unit: 'metres' },
  status: { min: 0, max: 255, unit: '' },
  altitude: { min: -12_000, max: 100_000, unit: 'metres' },
  speed: { min: 0, max: 1000, unit: 'metres per second' },
  course: { min: 0, below: 360, unit: 'degrees' },
  battery: { min: 0, max: 100, unit: 'percent' },
} as const satisfies Partial<Record<keyof NewReport, Range>>;

/** What is out of range in a report, a sentence each: the field, what it may be, and what was given. */
export function outOfRange(report: Pick<NewReport, keyof typeof RANGES>): string[] {
  return Object.entries<Range>(RANGES).flatMap(([field, range]) => {
    const value = report[field as keyof typeof RANGES];
    if (value === null || isWithin(value, range)) return [];
    const end =
      'max' in range
        ? `between ${range.min} and ${range.max}`
        : `at least ${range.min} and below ${range.below}`;
    return `${field} must be ${[end, range.unit].join(' ').trimEnd()} (got ${value})`;
  });
}

function isWithin(value: number, range: Range): boolean {
  return value >= range.min && ('max' in range ? value <= range.max : value < range.below);
}
