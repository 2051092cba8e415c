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
  /** Rows that an answer may have. */
  maxComplexity: number;
  /** Levels of fields below each other. */
  maxDepth: number;
}

/** Words and signs of a document. Each alias of a query is a query: what a person writes has hundreds of them. */
export const MAX_TOKENS = 5000;
/** Fields at the top of a query. Each is at least one statement, however few rows it has. */
const MAX_TOP_FIELDS = 50;
/** Fields to look at before a query is refused: fragments that use each other multiply them. */
const MAX_NODES = 20_000;
/** What the library says of more: it has no code. */
const TOO_MANY_NODES = /maximum allowed number of nodes/;

/** An operation as it is about to run; it has been validated. */
export interface Operation {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName?: string | null | undefined;
  variables?: Readonly<Record<string, unknown>> | undefined;
}

type Cost = (options: { args: Record<string, unknown>; childComplexity: number }) => number;

/** What a list costs: as many rows as the argument allows, each with what is asked of it. */
export function costOfList(limit: string): Cost {
  return ({ args, childComplexity }) => Number(args[limit]) * (1 + childComplexity);
}

/** What a connection costs: its nodes are rows, see {@link COST_OF_PART}. */
export function costOfConnection(limit: string): Cost {
  return ({ args, childComplexity }) => Number(args[limit]) * childComplexity;
}

/** What is part of a row, or only holds rows, costs nothing itself. */
export const COST_OF_PART: Cost = ({ childComplexity }) => childComplexity;

/** Objects are rows of the database, and cost one; their columns cost nothing. */
const costOfRows: ComplexityEstimator = ({ field, childComplexity }) =>
  isCompositeType(getNamedType(field.type)) ? 1 + childComplexity : 0;

/**
 * Refuses an operation that asks for more than is allowed; the cost and the limit are in the error.
 *
 * @throws DomainError `QUERY_TOO_COMPLEX`; GraphQLError when the cost hangs on an argument that is wrong.
 */
export function checkQueryCost(operation: Operation, { maxComplexity, maxDepth }: QueryLimits): void {
  const { schema, document } = operation;
  const definition = getOperationAST(document, operation.operationName);
  if (!definition) return; // the executor says so
  const fragments = fragmentsOf(document);
  const topFields = topFieldsOf(definition.selectionSet, fragments);
  if (topFields > MAX_TOP_FIELDS) {
    throw tooMuch(
      `The query has ${topFields} fields at its top, and ${MAX_TOP_FIELDS} are allowed; ask in several queries`,
      {
        topFields,
        maxTopFields: MAX_TOP_FIELDS,
      },
    );
  }
  const depth = depthOf(definition.selectionSet, fragments, new Map());
  if (depth > maxDepth) {
    throw tooMuch(`The query is ${depth} levels deep, and ${maxDepth} are allowed`, {
      depth,
      maxDepth,
    });
  }
  const variables = operation.variables ?? {};
  // Wrong variables, too: no resolver will run.
  if (getVariableValues(schema, definition.variableDefinitions ?? [], variables).errors) return;
  const definitions = document.definitions.filter(
    (one) => one.kind !== Kind.OPERATION_DEFINITION || one === definition,
  );
  const cost = costOf({ schema, document: { ...document, definitions }, variables });
  if (cost > maxComplexity) {
    throw tooMuch(
      `The answer may have ${cost} rows, and ${maxComplexity} are allowed; ask for fewer rows, or in several queries`,
      { cost, maxCost: maxComplexity },
    );
  }
}

/** @throws GraphQLError for a wrong argument, DomainError where fragments multiply to too many fields to look at. */
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
    throw tooMuch(`The query has more than ${MAX_NODES} fields, those of its fragments counted at each use`, {
      maxFields: MAX_NODES,
    });
  }
}

function tooMuch(message: string, details: Record<string, number>): DomainError {
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

/** Fields that run by themselves, aliases of the same one each for itself; a name that is answered twice counts once. */
function topFieldsOf(selections: SelectionSetNode, fragments: Fragments): number {
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
 * Levels of fields. A fragment is measured once, however often it is used: else a chain of them that each use the next
 * one twice takes for ever. What is asked of the schema itself does not count: tools ask deep, and it reads no rows.
 */
function depthOf(selections: SelectionSetNode, fragments: Fragments, known: Map<string, number>): number {
  let deepest = 0;
  for (const selection of selections.selections) {
    let depth: number;
    if (selection.kind === Kind.FIELD) {
      if (selection.name.value.startsWith('__')) continue;
      depth = 1 + (selection.selectionSet ? depthOf(selection.selectionSet, fragments, known) : 0);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      depth = depthOf(selection.selectionSet, fragments, known);
    } else {
      depth = depthOfFragment(selection.name.value, fragments, known);
    }
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function depthOfFragment(name: string, fragments: Fragments, known: Map<string, number>): number {
  const measured = known.get(name);
  if (measured !== undefined) return measured;
  const fragment = fragments.get(name);
  const depth = fragment ? depthOf(fragment.selectionSet, fragments, known) : 0;
  known.set(name, depth);
  return depth;
}

/** The same failure as a request error, which is answered with status 400. */
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
