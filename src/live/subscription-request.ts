import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  type ExecutionArgs,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  OperationTypeNode,
  parse,
  validate,
} from 'graphql';
import { MAX_TOKENS } from '../common/graphql/query-cost.js';

/** A request of a client over WebSocket. */
export interface SubscriptionRequest {
  query: string;
  operationName?: string | null | undefined;
  variables?: Record<string, unknown> | null | undefined;
}

/**
 * Parses and validates a request, with the same error codes as over HTTP: graphql-ws sets none, so a client error would
 * look like a server error.
 *
 * Accepts only subscriptions: the limits of queries and mutations are enforced over HTTP only.
 *
 * @returns the arguments for execution, or the errors of the request.
 */
export function prepareSubscription(
  schema: GraphQLSchema,
  { query, operationName, variables }: SubscriptionRequest,
): ExecutionArgs | GraphQLError[] {
  let document;
  try {
    document = parse(query, { maxLexicalTokens: MAX_TOKENS });
  } catch (error) {
    if (error instanceof GraphQLError) return [withCode(error, ApolloServerErrorCode.GRAPHQL_PARSE_FAILED)];
    throw error;
  }
  const invalid = validate(schema, document);
  if (invalid.length > 0)
    return invalid.map((error) => withCode(error, ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED));
  const operation = getOperationAST(document, operationName);
  if (!operation) {
    return [
      new GraphQLError(
        operationName == null
          ? 'Must provide operation name if query contains multiple operations.'
          : `Unknown operation named ${JSON.stringify(operationName)}.`,
        { extensions: { code: ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE } },
      ),
    ];
  }
  if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
    return [
      badInput(
        `Only subscriptions are allowed over WebSocket; send a ${operation.operation} with POST /graphql`,
      ),
    ];
  }
  const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (errors) return errors.map((error) => withCode(error, ApolloServerErrorCode.BAD_USER_INPUT));
  return { schema, document, operationName, variableValues: variables };
}

/** Returns a client error that the GraphQL library does not detect. */
export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: ApolloServerErrorCode.BAD_USER_INPUT } });
}

/** Copies an error with a code, and without its cause, which is for the log only. */
function withCode(
  { message, nodes, source, positions }: GraphQLError,
  code: ApolloServerErrorCode,
): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions: { code },
  });
}
