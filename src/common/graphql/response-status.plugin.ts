import type { ApolloServerPlugin } from '@apollo/server';

/**
 * The status of an answer to a document or variables that are wrong, by GraphQL over HTTP: 400 for who accepts
 * `application/graphql-response+json`, and 200 for `application/json`, where others than 200 may come from a proxy and are
 * no answers of GraphQL. Requests that are none (no JSON, no query) get 400 in any case.
 */
export const responseStatus: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: ({ request, response, errors = [] }) => {
        const accepted = request.http?.headers.get('accept') ?? '';
        const isNone = errors.some(({ extensions }) => extensions['code'] === 'BAD_REQUEST');
        if (
          response.http.status === 400 &&
          !isNone &&
          !accepted.includes('application/graphql-response+json')
        ) {
          response.http.status = 200;
        }
        return Promise.resolve();
      },
    }),
};
