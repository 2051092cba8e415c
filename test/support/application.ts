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

/** The whole application, listening on a free port. */
export class Api {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly server: Server,
  ) {}

  /** Starts the application. @param config overrides of `db.config`, e.g. `APP_ROLES`. */
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

  /** Sends a query. @returns the whole answer, errors included. */
  async ask<T>(query: string, variables?: Record<string, unknown>): Promise<Answer<T>> {
    const response = await request(this.server).post('/graphql').send({ query, variables });
    expect(response.headers['content-type']).toContain('application/json');
    return response.body as Answer<T>;
  }

  /** Sends a query that must succeed. @returns its data. */
  async data<T>(query: string, variables?: Record<string, unknown>): Promise<T> {
    const { data, errors } = await this.ask<T>(query, variables);
    expect(errors).toBeUndefined();
    return data as T;
  }

  /** Sends a query that must fail with one error that reveals nothing internal. @returns the error. */
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

/** Checks that an answer reveals no stack trace, file name, SQL or address of the database. */
export function expectNothingInternal(answer: unknown): void {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  expect(text).not.toMatch(
    /stacktrace|\bat \S+ \(|node_modules|node:|\.[jt]s:\d|QueryFailed|TypeORM|SELECT |INSERT |location_history_(view|hourly)|postgres:\/\//i,
  );
}

/**
 * Opens one module of the application on a test's database, as the commands do. The caller closes it.
 *
 * @param config e.g. `db.config`, or the result of commandConfig().
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
 * A refresher: the application in this process, connected to the database through its own proxy. Tests use several
 * instances in place of several processes.
 */
export class RefresherInstance {
  private api: Api | null = null;
  /** Number of maintenance runs so far. */
  maintenanceRuns = 0;

  private constructor(
    private readonly db: TestDatabase,
    private readonly redis: RedisServer | null,
    /** Carries all connections to the database. */
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

  /** Runs the jobs that are due, as @Cron does every five seconds. */
  async tick(): Promise<void> {
    await this.api?.app.get(JobRunner, { strict: false }).tick();
  }

  async destroy(): Promise<void> {
    await this.stop();
    await this.proxy.close();
  }
}

/** A live update as a subscriber receives it. */
export interface SeenUpdate {
  trackerId: string;
  timestamp: string;
  location: { latitude: number };
}

const SUBSCRIPTION = `subscription ($ids: [ID!]!, $since: DateTime) {
  locationUpdated(trackerIds: $ids, since: $since) { trackerId timestamp location { latitude } }
}`;

/** A client of live updates, with its own connection. */
export class LiveClient {
  private socket: WebSocket | null = null;
  readonly client: Client;

  /** Close code of the connection, once it is closed. */
  closedWith: number | undefined;

  /** @param server in this process, or the address of another process, e.g. `http://127.0.0.1:3000`. */
  constructor(server: Server | string) {
    const host =
      typeof server === 'string'
        ? new URL(server).host
        : `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.client = createClient({
      url: `ws://${host}/graphql`,
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
        next: ({ data, errors: failures }) => {
          if (data) seen.push(data.locationUpdated);
          if (failures) errors.push(...failures);
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
 * @param ignored statements to leave out, e.g. of jobs.
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
