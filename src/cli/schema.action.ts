import { readFile, writeFile } from 'node:fs/promises';
import { NestFactory } from '@nestjs/core';
import { GraphQLSchemaBuilderModule, GraphQLSchemaFactory } from '@nestjs/graphql';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { AggregatesResolver } from '../aggregates/aggregates.resolver.js';
import { buildSchemaOptions } from '../common/graphql/build-schema-options.js';
import { GeocodingResolver } from '../geocoding/geocoding.resolver.js';
import { LocationCountryResolver } from '../geocoding/location-country.resolver.js';
import { FetchResolver } from '../find-my/fetch.resolver.js';
import { HistoryHealthResolver } from '../health/history-health.resolver.js';
import { ImportRunsResolver } from '../import/import-runs.resolver.js';
import { TrackerDevicesResolver } from '../import/tracker-devices.resolver.js';
import { DomainError } from '../common/errors/domain-error.js';
import { packagePath } from '../database/sql-files.js';
import { HistoryConnectionResolver } from '../location-history/history-connection.resolver.js';
import { HistoryRangeResolver } from '../location-history/history-range.resolver.js';
import { LiveResolver } from '../live/live.resolver.js';
import { LocationHistoryResolver } from '../location-history/location-history.resolver.js';
import { LocationReportsResolver } from '../location-history/location-reports.resolver.js';
import { TrackerHistoryResolver } from '../location-history/tracker-history.resolver.js';
import { StatusHistoryResolver } from '../trackers/status-history.resolver.js';
import { TrackerSearchResolver } from '../trackers/tracker-search.resolver.js';
import { TrackerStatusesResolver } from '../trackers/tracker-statuses.resolver.js';
import { TrackersResolver } from '../trackers/trackers.resolver.js';
import { answer, type AnswerFlags } from './answer.js';

const HEADER = '# Made by `npm run schema` from the code; not written by hand.\n\n';

/** The GraphQL schema as text, made without a database. */
export async function printedSchema(): Promise<string> {
  const app = await NestFactory.createApplicationContext(GraphQLSchemaBuilderModule, { logger: false });
  try {
    const schema = await app
      .get(GraphQLSchemaFactory)
      .create(
        [
          TrackersResolver,
          TrackerSearchResolver,
          TrackerStatusesResolver,
          StatusHistoryResolver,
          LocationHistoryResolver,
          HistoryConnectionResolver,
          HistoryRangeResolver,
          TrackerHistoryResolver,
          LocationReportsResolver,
          AggregatesResolver,
          HistoryHealthResolver,
          GeocodingResolver,
          LocationCountryResolver,
          ImportRunsResolver,
          TrackerDevicesResolver,
          FetchResolver,
          LiveResolver,
        ],
        buildSchemaOptions,
      );
    return `${HEADER}${printSchema(lexicographicSortSchema(schema))}\n`;
  } finally {
    await app.close();
  }
}

export interface SchemaFlags extends AnswerFlags {
  write?: true;
}

/** `tracker schema` */
export async function checkSchema({ write, json }: SchemaFlags): Promise<void> {
  const file = packagePath('schema.gql');
  const schema = await printedSchema();
  if (write) await writeFile(file, schema);
  else if ((await readFile(file, 'utf8')) !== schema) {
    throw new DomainError('CONFLICT', 'schema.gql does not match the code; run: npm run schema');
  }
  if (json) answer({ file, written: write === true }, '', { json });
}
