import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema, type GraphQLObjectType, type GraphQLSchema, parse } from 'graphql';
import { DomainError } from '../errors/domain-error.js';
import { checkQueryCost, COST_OF_PART, costOfConnection, costOfList } from './query-cost.js';

/** A schema with two kinds of rows and their containers, with costs as resolvers declare them. */
function costedSchema(): GraphQLSchema {
  const schema = buildSchema(`
    type Query { owners(limit: Int! = 10): [Owner!]!, page(first: Int!): Page!, owner: Owner }
    type Page { edges: [Edge!]!, total: Int! }
    type Edge { node: Owner! }
    type Owner { id: ID!, place: Place!, things(first: Int! = 5): [Thing!]! }
    type Thing { id: ID!, owner: Owner! }
    type Place { latitude: Float! }`);
  const cost = (type: string, field: string, complexity: unknown): void => {
    const found = (schema.getType(type) as GraphQLObjectType).getFields()[field];
    if (found) found.extensions = { complexity };
  };
  cost('Query', 'owners', costOfList('limit'));
  cost('Query', 'page', costOfConnection('first'));
  cost('Page', 'edges', COST_OF_PART);
  cost('Owner', 'things', costOfList('first'));
  cost('Owner', 'place', COST_OF_PART);
  return schema;
}

describe('checkQueryCost', () => {
  let schema: GraphQLSchema;
  beforeAll(() => {
    schema = costedSchema();
  });

  /** The cost and depth of a query, taken from the errors of limits that are too low. */
  function measure(text: string, variables?: Record<string, unknown>): { cost: number; depth: number } {
    const errorDetails = (limits: { maxComplexity: number; maxDepth: number }): Record<string, unknown> => {
      try {
        checkQueryCost({ schema, document: parse(text), variables }, limits);
        return {};
      } catch (error) {
        expect(error).toBeInstanceOf(DomainError);
        expect((error as DomainError).code).toBe('QUERY_TOO_COMPLEX');
        return (error as DomainError).details;
      }
    };
    const depth = Number(errorDetails({ maxComplexity: Infinity, maxDepth: 0 })['depth']);
    const cost = Number(errorDetails({ maxComplexity: -1, maxDepth: Infinity })['cost']);
    if (cost > 0)
      expect(errorDetails({ maxComplexity: cost - 1, maxDepth: Infinity })).toEqual({
        cost,
        maxCost: cost - 1,
      });
    expect(errorDetails({ maxComplexity: cost, maxDepth: depth })).toEqual({});
    return { cost, depth };
  }

  it.each<[string, number, number]>([
    ['{ owner { id } }', 1, 2],
    ['{ owner { id place { latitude } } }', 1, 3],
    ['{ owners { id } }', 10, 2],
    ['{ owners(limit: 3) { id things { id } } }', 3 * (1 + 5), 3],
    ['{ owners(limit: 3) { things(first: 7) { owner { place { latitude } } } } }', 3 * (1 + 7 * (1 + 1)), 5],
    ['{ page(first: 4) { total edges { node { id } } } }', 4, 4],
    ['{ page(first: 4) { total } }', 0, 2],
    ['{ a: owners { id } b: owners { id } }', 20, 2],
    ['query A { owners { id } }', 10, 2],
    ['{ owners { ...F } } fragment F on Owner { things { ...G } } fragment G on Thing { id }', 60, 3],
    ['{ owners { ... on Owner { things { id } } } }', 60, 3],
    ['{ owners @skip(if: true) { id } owner { id } }', 1, 2],
  ])('measures %s: %i rows, %i levels', (text, cost, depth) => {
    expect(measure(text)).toEqual({ cost, depth });
  });

  it('uses the values of the variables', () => {
    const text = 'query ($n: Int!) { owners(limit: $n) { id } }';
    expect(measure(text, { n: 7 })).toEqual({ cost: 7, depth: 2 });
    expect(measure(text, { n: 70 })).toEqual({ cost: 70, depth: 2 });
  });

  it('checks only the operation that will run', () => {
    const document = parse('query A { owners(limit: 9) { id } } query B { owner { id } }');
    const limits = { maxComplexity: 1, maxDepth: 9 };
    expect(() => checkQueryCost({ schema, document, operationName: 'B' }, limits)).not.toThrow();
    expect(() => checkQueryCost({ schema, document, operationName: 'A' }, limits)).toThrow(/may have 9 rows/);
  });

  it('does not count introspection', () => {
    const deep = 'ofType { '.repeat(20);
    const text = `{ __typename __schema { types { fields { type { ${deep} name ${'}'.repeat(20)} } } } } }`;
    const limits = { maxComplexity: 100, maxDepth: 5 };
    expect(() => checkQueryCost({ schema, document: parse(text) }, limits)).not.toThrow();
  });

  it('rejects an invalid limit, and leaves invalid variables to the executor', () => {
    const limits = { maxComplexity: 100, maxDepth: 5 };
    const text = 'query ($n: Int) { a: owners(limit: $n) { id } b: owners(limit: 1000000) { id } }';
    expect(() => checkQueryCost({ schema, document: parse(text), variables: { n: null } }, limits)).toThrow(
      /"limit".*must not be null/,
    );
    // The executor rejects this one; no resolver will run.
    const wrong = parse('query ($n: Int!) { owners(limit: $n) { id } }');
    expect(() => checkQueryCost({ schema, document: wrong, variables: { n: 'x' } }, limits)).not.toThrow();
  });

  it('counts root fields, also in fragments, each name once', () => {
    const names = (count: number): string =>
      Array.from({ length: count }, (_, i) => `a${i}: owner { id }`).join(' ');
    const check = (text: string): void =>
      checkQueryCost({ schema, document: parse(text) }, { maxComplexity: 100, maxDepth: 5 });
    expect(() => check(`{ ${names(50)} }`)).not.toThrow();
    expect(() => check(`{ ${names(50)} ${names(50)} }`)).not.toThrow();
    expect(() => check(`{ ${names(51)} }`)).toThrow(/51 root fields, and 50 are allowed/);
    expect(() =>
      check(
        `{ ...F ... on Query { b: owner { id } } } fragment F on Query { ${names(50)} ...F2 } fragment F2 on Query { a1: owner { id } }`,
      ),
    ).toThrow(/51 root fields/);
    expect(() =>
      check(`{ owner { ${Array.from({ length: 90 }, (_, i) => `a${i}: id`).join(' ')} } }`),
    ).not.toThrow();
  });

  it('stops early when fragments multiply the fields', () => {
    const chain = Array.from(
      { length: 100 },
      (_, i) => `fragment F${i} on Owner { ...F${i + 1} ... on Owner { ...F${i + 1} } }`,
    );
    const document = parse(`{ owner { ...F0 } } ${chain.join(' ')} fragment F100 on Owner { id }`);
    expect(() => checkQueryCost({ schema, document }, { maxComplexity: 100, maxDepth: 5 })).toThrow(
      /20000 fields/,
    );
  });
});
