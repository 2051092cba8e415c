import type { BuildSchemaOptions } from '@nestjs/graphql';
import { DateTimeScalar } from './date-time.scalar.js';

/** Options for generating the schema from the code, for the server and for the command that writes `schema.gql`. */
export const buildSchemaOptions: BuildSchemaOptions = {
  scalarsMap: [{ type: Date, scalar: DateTimeScalar }],
};
