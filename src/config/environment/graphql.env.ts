import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { EnvVariable } from '../env-variable.decorator.js';

/** Limits of GraphQL queries. */
export class GraphqlEnvironment {
  @EnvVariable({
    description:
      'Maximum rows in the answer to one query (1000 to 10000000). Queries that could return more are rejected.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1000)
  @Max(10_000_000)
  GRAPHQL_MAX_COMPLEXITY = 100_000;

  @EnvVariable({
    description: 'Maximum levels of nested fields in a query (5 to 100). Deeper queries are rejected.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(5)
  @Max(100)
  GRAPHQL_MAX_DEPTH = 12;
}
