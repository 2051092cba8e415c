import { DomainError } from './errors/domain-error.js';

/** Largest bigint of PostgreSQL. */
const MAX_ID = 9_223_372_036_854_775_807n;

/**
 * Checks an id from a caller. Ids are decimal strings, because a bigint does not fit into a JavaScript number.
 *
 * @throws DomainError `BAD_USER_INPUT` that names the argument.
 */
export function parseId(value: string, argument: string): string {
  if (!/^\d{1,19}$/.test(value) || BigInt(value) > MAX_ID) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `${argument} must be a whole number from 0 to 9223372036854775807, not ${JSON.stringify(value)}`,
      {
        details: { argument },
      },
    );
  }
  return BigInt(value).toString();
}
