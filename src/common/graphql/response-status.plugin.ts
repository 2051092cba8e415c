import type { ApolloServerPlugin } from '@apollo/server';

/**
 * Status of the response to an invalid document or invalid variables, as GraphQL over HTTP demands: 400 for clients that accept
 * `application/graphql-response+json`, and 200 for `application/json`, where any other status may come from a proxy. Requests
 * that are not GraphQL at all (not JSON, no query) always get 400.
 */
export const responseStatus: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: ({ request, response, errors = [] }) => {
        const accepted = request.http?.headers.get('accept') ?? '';
        const isNotGraphql = errors.some(({ extensions }) => extensions['code'] === 'BAD_REQUEST');
        if (
          response.http.status === 400 &&
          !isNotGraphql &&
          !accepted.includes('application/graphql-response+json')
        ) {
          response.http.status = 200;
        }
        return Promise.resolve();
      },
    }),
};
