import { GraphQLError, GraphQLScalarType } from 'graphql';
import { GraphQLDateTimeISO } from 'graphql-scalars';

const iso = GraphQLDateTimeISO.toConfig();
/** PostgreSQL cannot parse JavaScript's format of dates outside this range (`0000-…`, `+010000-…`). */
const FIRST = new Date('0001-01-01T00:00:00Z');
const LAST = new Date('9999-12-31T23:59:59.999Z');

function withinRange(moment: Date): Date {
  if (moment >= FIRST && moment <= LAST) return moment;
  throw new GraphQLError('DateTime must be in the years 0001 to 9999 (UTC)');
}

/**
 * `DateTime`: RFC 3339 with an offset; output is always UTC with milliseconds.
 *
 * Nest's own scalar of that name accepts "garbage" as an Invalid Date and `true` as 1970.
 */
export const DateTimeScalar = new GraphQLScalarType<Date, string | Date>({
  ...iso,
  name: 'DateTime',
  description:
    'A moment: RFC 3339 with an offset, e.g. `2025-01-31T23:59:59Z` or `2025-02-01T00:59:59+01:00`.',
  parseValue: (value) => withinRange(iso.parseValue(value)),
  parseLiteral: (node, variables) => withinRange(iso.parseLiteral(node, variables)),
});
