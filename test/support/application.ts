import type { Server } from 'node:http';
import { expect, jest } from '@jest/globals';
import type { INestApplicationContext, LoggerService, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import request from 'supertest';
import { createApp } from '../../src/app.setup.js';
import { type AppConfig, loadConfig } from '../../src/config/app-config.js';
import type { TestDatabase } from './test-database.js';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { CommandModule } from '../../src/cli/with-context.js';
import { AggregatesService } from '../../src/aggregates/aggregates.service.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { SwitchableProxy } from './servers/switchable-proxy.js';
import type { RedisServer } from './servers/server-processes.js';
import type { AddressInfo, Socket } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import { type CloseEvent, WebSocket } from 'ws';

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

  /** Starts it. @param config what differs from the database's own configuration, e.g. `APP_ROLES`. */
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

  /** The only error of an answer, which is checked to reveal nothing internal. */
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

/** Checks that an answer contains no code, SQL or addresses of ours. */
export function expectNothingInternal(answer: unknown): void {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  expect(text).not.toMatch(
    /stacktrace|\bat \S+ \(|node_modules|node:|\.[jt]s:\d|QueryFailed|TypeORM|SELECT |INSERT |location_history_(view|hourly)|postgres:\/\//i,
  );
}

/**
 * Opens one module of the application on a test's database, as the commands do. The caller closes it.
 *
 * @param config e.g. `db.config`, or that of commandConfig().
 */
export function openModule(
  db: TestDatabase,
  module: Type,
  config: AppConfig,
): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(CommandModule.register(config, db.url, module), {
    logger: false,
    abortOnError: false,
  });
}

/** Configuration of a command with these environment variables, on a test's database. */
export function commandConfig(db: TestDatabase, env: Record<string, string> = {}): AppConfig {
  return loadConfig({ DATABASE_URL: db.url, HISTORY_ENGINE: db.config.HISTORY_ENGINE, ...env });
}

/**
 * A refresher: the whole application, behind a proxy of its own. Several of them stand for several processes, though they
 * share this one.
 */
export class RefresherInstance {
  private api: Api | null = null;
  /** Number of its runs of maintenance. */
  maintenanceRuns = 0;

  private constructor(
    private readonly db: TestDatabase,
    private readonly redis: RedisServer | null,
    /** All its connections to the database go through it. */
    readonly proxy: SwitchableProxy,
  ) {}

  static async start(db: TestDatabase, redis: RedisServer | null): Promise<RefresherInstance> {
    const instance = new RefresherInstance(db, redis, await SwitchableProxy.start(db.url));
    await instance.start();
    return instance;
  }

  async start(): Promise<void> {
    this.api = await Api.start(this.db, false, {
      APP_ROLES: ['refresher'],
      DATABASE_URL: this.proxy.through(this.db.url),
      LOCK_TTL_MS: 2_000,
      REFRESH_MIN_GAP_MS: 100,
      ...(this.redis && { REDIS_URL: this.redis.url }),
    });
    const aggregates = this.api.app.get(AggregatesService, { strict: false });
    const maintain = aggregates.maintain.bind(aggregates);
    jest.spyOn(aggregates, 'maintain').mockImplementation((session) => {
      this.maintenanceRuns += 1;
      return maintain(session);
    });
  }

  async stop(): Promise<void> {
    const { api } = this;
    this.api = null;
    await api?.stop();
  }

  /** What @Cron does every five seconds. */
  async tick(): Promise<void> {
    await this.api?.app.get(JobRunner, { strict: false }).tick();
  }

  async destroy(): Promise<void> {
    await this.stop();
    await this.proxy.close();
  }
}

/** An update as a subscriber gets it. */
export interface SeenUpdate {
  trackerId: string;
  timestamp: string;
  location: { latitude: number };
}

const SUBSCRIPTION = `subscription ($ids: [ID!]!, $since: DateTime) {
  locationUpdated(trackerIds: $ids, since: $since) { trackerId timestamp location { latitude } }
}`;

/** A client of live updates with a connection of its own. */
export class LiveClient {
  private socket: WebSocket | null = null;
  readonly client: Client;

  /** Code with which the connection was closed. */
  closedWith: number | undefined;

  /** @param server of this process, or the address of another one, e.g. `http://127.0.0.1:3000`. */
  constructor(server: Server | string) {
    const at =
      typeof server === 'string'
        ? new URL(server).host
        : `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.client = createClient({
      url: `ws://${at}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      on: {
        opened: (socket) => (this.socket = socket as WebSocket),
        closed: (event) => (this.closedWith = (event as CloseEvent).code),
      },
    });
  }

  /** Subscribes to `locationUpdated`. @returns updates and errors, to which later ones are appended. */
  subscribe(
    ids: readonly string[],
    since?: Date,
  ): { seen: SeenUpdate[]; errors: unknown[]; end: () => void } {
    return this.run(SUBSCRIPTION, {
      ids,
      since: since?.toISOString() ?? null,
    });
  }

  run(
    query: string,
    variables: Record<string, unknown> = {},
    operationName?: string,
  ): { seen: SeenUpdate[]; errors: unknown[]; end: () => void } {
    const seen: SeenUpdate[] = [];
    const errors: unknown[] = [];
    const end = this.client.subscribe<{ locationUpdated: SeenUpdate }>(
      { query, variables, ...(operationName !== undefined && { operationName }) },
      {
        next: ({ data, errors: wrong }) => {
          if (data) seen.push(data.locationUpdated);
          if (wrong) errors.push(...wrong);
        },
        error: (error) => errors.push(...(Array.isArray(error) ? (error as unknown[]) : [error])),
        complete: () => undefined,
      },
    );
    return { seen, errors, end };
  }

  /** The TCP connection, e.g. to stop reading from it. */
  get connection(): Socket {
    return (this.socket as unknown as { _socket: Socket })._socket;
  }

  async close(): Promise<void> {
    await this.client.dispose();
  }
}

/**
 * Records the statements that all clients of this process send while `work` runs.
 *
 * @param ignored statements to leave out, e.g. those of jobs.
 * @returns the beginning of each statement, and the result of `work`.
 */
export async function recordStatements<T>(
  work: () => Promise<T>,
  ignored?: RegExp,
): Promise<{ statements: string[]; result: T }> {
  const query = jest.spyOn(pg.Client.prototype, 'query');
  try {
    const result = await work();
    const statements = query.mock.calls.map(([statement]) => JSON.stringify(statement));
    return {
      statements: statements.filter((text) => !ignored?.test(text)).map((text) => text.slice(0, 60)),
      result,
    };
  } finally {
    query.mockRestore();
  }
}
