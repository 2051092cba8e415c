import type { BuildSchemaOptions } from '@nestjs/graphql';
import { DateTimeScalar } from './date-time.scalar.js';

/** How the schema is made from the code, by the server and by the command that writes `schema.gql`. */
export const buildSchemaOptions: BuildSchemaOptions = {
  scalarsMap: [{ type: Date, scalar: DateTimeScalar }],
};
