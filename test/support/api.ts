import type { Server } from 'node:http';
import { expect } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import request from 'supertest';
import { createApp } from '../../src/app.setup.js';
import type { AppConfig } from '../../src/config/app-config.js';
import type { HistoryRow } from './history-oracle.js';
import type { TestDatabase } from './test-database.js';

/** An error as GraphQL clients see it. */
export interface ApiError {
  message: string;
  path?: (string | number)[];
  extensions: { code: string; argument?: string; arguments?: string[]; correlationId?: string };
}

export interface Answer<T> {
  data?: T | null;
  errors?: ApiError[];
}

/** The application as it runs, listening on a free port. */
export class Api {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly server: Server,
  ) {}

  /** @param config what is to be other than the database's own, e.g. `APP_ROLES`. */
  static async start(
    db: TestDatabase,
    logger: LoggerService | false = false,
    config: Partial<AppConfig> = {},
  ): Promise<Api> {
    const merged = { ...db.config, ...config };
    const app = await createApp(merged, merged.DATABASE_URL ?? db.url, logger);
    await app.listen(0, '127.0.0.1');
    return new Api(app, app.getHttpServer());
  }

  /** The whole answer, errors included. */
  async ask<T>(query: string, variables?: Record<string, unknown>): Promise<Answer<T>> {
    const response = await request(this.server).post('/graphql').send({ query, variables });
    expect(response.headers['content-type']).toContain('application/json');
    return response.body as Answer<T>;
  }

  /** The data of an answer without errors. */
  async data<T>(query: string, variables?: Record<string, unknown>): Promise<T> {
    const { data, errors } = await this.ask<T>(query, variables);
    expect(errors).toBeUndefined();
    return data as T;
  }

  /** The only error of an answer; that it gives nothing of the inside away is checked on the way. */
  async error(query: string, variables?: Record<string, unknown>): Promise<ApiError> {
    const answer = await this.ask(query, variables);
    expect(answer.errors).toHaveLength(1);
    expectNothingInternal(answer);
    return (answer.errors as [ApiError])[0];
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}

/** What a caller is told has neither code nor SQL nor addresses of ours in it. */
export function expectNothingInternal(answer: unknown): void {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  expect(text).not.toMatch(
    /stacktrace|\bat \S+ \(|node_modules|node:|\.[jt]s:\d|QueryFailed|TypeORM|SELECT |INSERT |location_history_(view|hourly)|postgres:\/\//i,
  );
}

/** Every field that the oracle knows. */
export const HISTORY_FIELDS = `id timestamp bucketSize location { latitude longitude } nearestCity lastReportAt
  firstReportAt reportCount confidence maxConfidence horizontalAccuracy`;

/** A row as {@link HISTORY_FIELDS} give it. */
export interface ApiRow {
  id: string;
  timestamp: string;
  bucketSize: '1 hour' | '1 day';
  location: { latitude: number; longitude: number };
  nearestCity: string | null;
  lastReportAt: string;
  firstReportAt: string;
  reportCount: number;
  confidence: number | null;
  maxConfidence: number | null;
  horizontalAccuracy: number | null;
}

/** A row of the API in the oracle's form. */
export function historyRow(key: string, row: ApiRow): HistoryRow {
  return {
    key,
    size: row.bucketSize,
    bucket: row.timestamp,
    ...row.location,
    lastReportAt: row.lastReportAt,
    firstReportAt: row.firstReportAt,
    reports: row.reportCount,
    confidence: row.confidence,
    maxConfidence: row.maxConfidence,
    accuracy: row.horizontalAccuracy,
    city: row.nearestCity,
  };
}

/** History of a tracker as `locationHistoryAggregated` answers it. */
export async function aggregated(
  api: Api,
  trackerId: string,
  range: { from: string | Date; to: string | Date },
  bucketSize: '1 hour' | '1 day',
): Promise<ApiRow[]> {
  const { rows } = await api.data<{ rows: ApiRow[] }>(
    `query ($id: ID!, $from: DateTime!, $to: DateTime!, $size: String!) {
       rows: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: $size) { ${HISTORY_FIELDS} }
     }`,
    { id: trackerId, ...range, size: bucketSize },
  );
  return rows;
}

export const HISTORY = 'locationHistoryAggregated';

/** A query for history with one argument replaced, given as a literal. */
export function historyQuery(replaced: Record<string, string>): string {
  const args = {
    trackerId: '"1"',
    startTime: '"2025-01-01T00:00:00Z"',
    endTime: '"2025-01-02T00:00:00Z"',
    bucketSize: '"1 day"',
    ...replaced,
  };
  return `{ ${HISTORY}(${Object.entries(args)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')}) { id } }`;
}
