/** Where the playground's page is. */
export const PLAYGROUND_PATH = '/playground';

/** The API that the page sends its queries to: same host, so that the page needs no other one. */
export const GRAPHQL_PATH = '/graphql';
