import { DomainError } from './errors/domain-error.js';

/** Area and location, as in the time zone database. */
const AREA_AND_LOCATION = /^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)+$/;

/**
 * Checks the name of a time zone: `Europe/Berlin`, `UTC`. Offsets and names without an area are rejected because they
 * are ambiguous: for PostgreSQL `+05:30` is west of Greenwich, and `CET` has no summer time.
 *
 * @returns the name; null for UTC.
 * @throws DomainError `BAD_USER_INPUT` that names the argument.
 */
export function parseTimeZone(value: string, argument = 'timeZone'): string | null {
  const canonical = value === 'UTC' || AREA_AND_LOCATION.test(value) ? canonicalName(value) : undefined;
  if (canonical === undefined) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `${argument} must be the name of a time zone such as "Europe/Berlin", not ${JSON.stringify(value)}`,
      { details: { argument } },
    );
  }
  return canonical === 'UTC' ? null : value;
}

function canonicalName(value: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    return undefined; // RangeError: unknown zone
  }
}
