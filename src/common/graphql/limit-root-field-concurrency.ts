import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { RequestContext } from './request-context.js';

/**
 * Makes the fields at the top of a query wait for their turn: GraphQL begins them all at once, and one query of many
 * would take every connection to the database, also from health checks and jobs. Those of mutations run one by one
 * anyway.
 *
 * @returns the same schema.
 */
export function limitRootFieldConcurrency(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    const { resolve = defaultFieldResolver } = field;
    field.resolve = (source, args, context: RequestContext, info) =>
      context.limitRootField(() => resolve(source, args, context, info));
  }
  return schema;
}
