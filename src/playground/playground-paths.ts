/** Path of the playground. */
export const PLAYGROUND_PATH = '/playground';

/** Path of the API, on the same host. */
export const GRAPHQL_PATH = '/graphql';
