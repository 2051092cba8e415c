import { Field, ObjectType } from '@nestjs/graphql';
import { DomainError } from '../errors/domain-error.js';

/** Maximum rows of a page or list. */
export const MAX_ROWS = 10_000;

@ObjectType({ description: 'Position of a page in its list.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there are rows after this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether the page was requested with `after`.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first row; null on an empty page.' })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the last row; pass it as `after` to get the next page. Null on an empty page.',
  })
  endCursor!: string | null;
}

/** A page, as in the Relay cursor connections specification. */
export interface Connection<T> {
  edges: { cursor: string; node: T }[];
  nodes: T[];
  pageInfo: PageInfo;
}

/**
 * Builds a page.
 *
 * @param rows up to one more than `first`, to see whether there is a next page.
 * @param after the cursor that the page follows, if any.
 */
export function connectionOf<T>(
  rows: readonly T[],
  first: number,
  after: string | undefined,
  cursorOf: (row: T) => string,
): Connection<T> {
  const nodes = rows.slice(0, first);
  const edges = nodes.map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** Encodes the position of a row, which does not change when rows are added. Opaque to callers. */
export function writeCursor(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/**
 * Decodes a cursor.
 *
 * @param kind its first part, which names the list and its order; cursors of other lists are rejected.
 * @param patterns of the parts after the kind.
 * @throws DomainError `BAD_USER_INPUT`.
 */
export function readCursor(cursor: string, kind: string, patterns: readonly RegExp[]): string[] {
  const [found, ...parts] = decode(cursor);
  if (found === undefined) throw wrongCursor('is not a cursor of this API');
  if (found !== kind) throw wrongCursor('is a cursor of another list, or of another order');
  if (parts.length !== patterns.length || !patterns.every((pattern, i) => pattern.test(parts[i] ?? ''))) {
    throw wrongCursor('is not a cursor of this API');
  }
  return parts;
}

function decode(cursor: string): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts) && parts.every((part) => typeof part === 'string')) return parts;
  } catch {
    // not JSON, so not a cursor
  }
  return [];
}

function wrongCursor(problem: string): DomainError {
  return new DomainError('BAD_USER_INPUT', `after ${problem}`, { details: { argument: 'after' } });
}
