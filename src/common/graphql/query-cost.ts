import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  isCompositeType,
  getNamedType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import { type ComplexityEstimator, fieldExtensionsEstimator, getComplexity } from 'graphql-query-complexity';
import { DomainError } from '../errors/domain-error.js';

export interface QueryLimits {
  /** Maximum rows of an answer. */
  maxComplexity: number;
  /** Maximum levels of nested fields. */
  maxDepth: number;
}

/** Maximum lexical tokens of a document. Queries written by people have hundreds. */
export const MAX_TOKENS = 5000;
/** Maximum root fields of a query. Each runs at least one SQL statement, however few rows it returns. */
const MAX_ROOT_FIELDS = 50;
/** Maximum fields to examine: fragments that use each other multiply them. */
const MAX_NODES = 20_000;
/** The library's message when there are more; its error has no code. */
const TOO_MANY_NODES = /maximum allowed number of nodes/;

/** A validated operation that is about to run. */
export interface Operation {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName?: string | null | undefined;
  variables?: Readonly<Record<string, unknown>> | undefined;
}

type Cost = (options: { args: Record<string, unknown>; childComplexity: number }) => number;

/** Cost of a list: as many rows as the argument allows, each with its fields. */
export function costOfList(limit: string): Cost {
  return ({ args, childComplexity }) => Number(args[limit]) * (1 + childComplexity);
}

/** Cost of a connection; its nodes are the rows, see {@link COST_OF_PART}. */
export function costOfConnection(limit: string): Cost {
  return ({ args, childComplexity }) => Number(args[limit]) * childComplexity;
}

/** Cost of a part of a row, or of a container of rows: nothing by itself. */
export const COST_OF_PART: Cost = ({ childComplexity }) => childComplexity;

/** An object is a row and costs one; its columns cost nothing. */
const costOfRows: ComplexityEstimator = ({ field, childComplexity }) =>
  isCompositeType(getNamedType(field.type)) ? 1 + childComplexity : 0;

/**
 * Rejects an operation that exceeds the limits; the error has the cost and the limit.
 *
 * @throws DomainError `QUERY_TOO_COMPLEX`; GraphQLError for an invalid argument that determines the cost.
 */
export function checkQueryCost(operation: Operation, { maxComplexity, maxDepth }: QueryLimits): void {
  const { schema, document } = operation;
  const definition = getOperationAST(document, operation.operationName);
  if (!definition) return; // reported by the executor
  const fragments = fragmentsOf(document);
  const rootFields = rootFieldsOf(definition.selectionSet, fragments);
  if (rootFields > MAX_ROOT_FIELDS) {
    throw tooComplex(
      `The query has ${rootFields} root fields, and ${MAX_ROOT_FIELDS} are allowed; split it into several queries`,
      { topFields: rootFields, maxTopFields: MAX_ROOT_FIELDS },
    );
  }
  const depth = depthOf(definition.selectionSet, fragments, new Map());
  if (depth > maxDepth) {
    throw tooComplex(`The query is ${depth} levels deep, and ${maxDepth} are allowed`, {
      depth,
      maxDepth,
    });
  }
  const variables = operation.variables ?? {};
  // Invalid variables are reported by the executor too.
  if (getVariableValues(schema, definition.variableDefinitions ?? [], variables).errors) return;
  const definitions = document.definitions.filter(
    (one) => one.kind !== Kind.OPERATION_DEFINITION || one === definition,
  );
  const cost = costOf({ schema, document: { ...document, definitions }, variables });
  if (cost > maxComplexity) {
    throw tooComplex(
      `The answer may have ${cost} rows, and ${maxComplexity} are allowed; ask for fewer rows, or in several queries`,
      { cost, maxCost: maxComplexity },
    );
  }
}

/** @throws GraphQLError for an invalid argument, DomainError when fragments multiply to too many fields. */
function costOf({ schema, document, variables = {} }: Operation): number {
  try {
    return getComplexity({
      schema,
      query: document,
      variables,
      estimators: [fieldExtensionsEstimator(), costOfRows],
      maxQueryNodes: MAX_NODES,
    });
  } catch (error) {
    if (!(error instanceof Error && TOO_MANY_NODES.test(error.message))) throw error;
    throw tooComplex(
      `The query has more than ${MAX_NODES} fields; the fields of a fragment count at each use`,
      { maxFields: MAX_NODES },
    );
  }
}

function tooComplex(message: string, details: Record<string, number>): DomainError {
  return new DomainError('QUERY_TOO_COMPLEX', message, { details });
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function fragmentsOf(document: DocumentNode): Fragments {
  return new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
    ),
  );
}

/** Number of root fields. Each alias counts; the same response name twice counts once. */
function rootFieldsOf(selections: SelectionSetNode, fragments: Fragments): number {
  const names = new Set<string>();
  const seen = new Set<string>();
  const collect = ({ selections: all }: SelectionSetNode): void => {
    for (const selection of all) {
      if (selection.kind === Kind.FIELD) names.add((selection.alias ?? selection.name).value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) collect(fragment.selectionSet);
      }
    }
  };
  collect(selections);
  return names.size;
}

/**
 * Levels of nested fields. Each fragment is measured once, because a chain of fragments that use the next one twice would take
 * exponential time. Introspection does not count: tools nest it deeply, and it reads no rows.
 */
function depthOf(selections: SelectionSetNode, fragments: Fragments, measured: Map<string, number>): number {
  let deepest = 0;
  for (const selection of selections.selections) {
    let depth: number;
    if (selection.kind === Kind.FIELD) {
      if (selection.name.value.startsWith('__')) continue;
      depth = 1 + (selection.selectionSet ? depthOf(selection.selectionSet, fragments, measured) : 0);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      depth = depthOf(selection.selectionSet, fragments, measured);
    } else {
      depth = depthOfFragment(selection.name.value, fragments, measured);
    }
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function depthOfFragment(name: string, fragments: Fragments, measured: Map<string, number>): number {
  const known = measured.get(name);
  if (known !== undefined) return known;
  const fragment = fragments.get(name);
  const depth = fragment ? depthOf(fragment.selectionSet, fragments, measured) : 0;
  measured.set(name, depth);
  return depth;
}

/** Converts a failure to a request error, which is answered with status 400. */
export function asRequestError(error: unknown): GraphQLError {
  const http = { status: 400 };
  if (error instanceof GraphQLError) {
    return new GraphQLError(error.message, {
      nodes: error.nodes ?? null,
      extensions: { code: 'BAD_USER_INPUT', http },
    });
  }
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError, extensions: { http } });
}
