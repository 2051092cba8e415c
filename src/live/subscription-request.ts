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

/** What a client asks for over WebSocket. */
export interface SubscriptionRequest {
  query: string;
  operationName?: string | null | undefined;
  variables?: Record<string, unknown> | null | undefined;
}

/**
 * Reads a request and checks it as far as can be told without running it, with the codes that the same mistake has over
 * HTTP (the protocol's library gives none, so that a client's mistake would look like a failure of ours).
 *
 * Only subscriptions: queries and mutations have limits over HTTP that are not watched here.
 *
 * @returns what to execute, or what is wrong.
 */
export function prepareSubscription(
  schema: GraphQLSchema,
  { query, operationName, variables }: SubscriptionRequest,
): ExecutionArgs | GraphQLError[] {
  let document;
  try {
    document = parse(query, { maxLexicalTokens: MAX_TOKENS });
  } catch (error) {
    if (error instanceof GraphQLError) return [coded(error, ApolloServerErrorCode.GRAPHQL_PARSE_FAILED)];
    throw error;
  }
  const invalid = validate(schema, document);
  if (invalid.length > 0)
    return invalid.map((error) => coded(error, ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED));
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
      badInput(`Only subscriptions go over WebSocket; send a ${operation.operation} with POST /graphql`),
    ];
  }
  const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (errors) return errors.map((error) => coded(error, ApolloServerErrorCode.BAD_USER_INPUT));
  return { schema, document, operationName, variableValues: variables };
}

/** A client's mistake that GraphQL itself does not know. */
export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: ApolloServerErrorCode.BAD_USER_INPUT } });
}

/** Without what caused it: that is for the log, and this is no failure of ours. */
function coded(
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
