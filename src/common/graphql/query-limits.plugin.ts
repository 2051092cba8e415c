import type { ApolloServerPlugin } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import { DomainError } from '../errors/domain-error.js';
import { asRequestError, checkQueryCost, type QueryLimits } from './query-cost.js';

/** Rejects subscriptions over HTTP, and queries that exceed the limits, before they run. */
export function queryLimits(limits: QueryLimits): ApolloServerPlugin {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ schema, document, operation, operationName, request: { variables } }) => {
          try {
            if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
              throw new DomainError(
                'BAD_USER_INPUT',
                'Subscriptions need a WebSocket (protocol graphql-transport-ws) at the same address',
              );
            }
            checkQueryCost({ schema, document, operationName, variables }, limits);
            return Promise.resolve();
          } catch (error) {
            throw asRequestError(error);
          }
        },
      }),
  };
}
