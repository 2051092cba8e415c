import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { RequestContext } from './request-context.js';

/**
 * Limits how many root fields of a query run at once. GraphQL starts them all together, so one query with many fields could
 * take every database connection, leaving none for health checks and jobs. Root fields of mutations run one by one anyway.
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
