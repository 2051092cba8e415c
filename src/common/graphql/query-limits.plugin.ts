import type { ApolloServerPlugin } from '@apollo/server';
import { asRequestError, checkQueryCost, type QueryLimits } from './query-cost.js';

/** Refuses queries that ask for too much, before anything of them runs. */
export function queryLimits(limits: QueryLimits): ApolloServerPlugin {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ schema, document, operationName, request: { variables } }) => {
          try {
            checkQueryCost({ schema, document, operationName, variables }, limits);
            return Promise.resolve();
          } catch (error) {
            throw asRequestError(error);
          }
        },
      }),
  };
}
