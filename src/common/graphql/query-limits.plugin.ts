import type { ApolloServerPlugin } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import { DomainError } from '../errors/domain-error.js';
import { asRequestError, checkQueryCost, type QueryLimits } from './query-cost.js';

/** Refuses what HTTP cannot answer and queries that ask for too much, before anything of them runs. */
export function queryLimits(limits: QueryLimits): ApolloServerPlugin {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ schema, document, operation, operationName, request: { variables } }) => {
          try {
            if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
              throw new DomainError(
                'BAD_USER_INPUT',
                'Subscriptions go over WebSocket (protocol graphql-transport-ws), at the same address',
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
