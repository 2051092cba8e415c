import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp, createLogger } from './app.setup.js';
import { DomainError } from './common/errors/domain-error.js';
import { type AppConfig, loadConfig } from './config/app-config.js';
import { migrate } from './migration/migrator.js';
import { openDatabase } from './database/open-database.js';

export interface RunningServer {
  app: NestFastifyApplication;
  databaseUrl: string;
  /** Address of the server, e.g. `http://127.0.0.1:3000`. */
  address: string;
  /** Stops accepting requests, waits for running work, and releases the database. */
  close(): Promise<void>;
}

/**
 * Starts the roles of this process on the configured database. Migrates the embedded database first, since nothing else
 * uses it; the operator migrates any other database (`tracker migrate`).
 *
 * @throws DomainError `BAD_CONFIGURATION`, `UNAVAILABLE`.
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<RunningServer> {
  const config = loadConfig(env);
  const logger = createLogger(config);
  Logger.overrideLogger(logger);
  const log = new Logger('Server');

  if (config.DATABASE_LISTEN_URL !== undefined && config.DATABASE_DIRECT_URL === undefined) {
    log.warn(
      'DATABASE_LISTEN_URL is deprecated: rename it to DATABASE_DIRECT_URL, which has the same meaning',
    );
  }
  const database = await openDatabase(config, (line) => log.log(line));
  let app: NestFastifyApplication | undefined;
  try {
    if (database.embedded) await migrate(config, database.url);
    app = await createApp(config, database.url, logger);
    await listen(app, config);
    const running = app;
    const address = await app.getUrl();
    log.log(describe(config, address));
    return {
      app: running,
      databaseUrl: database.url,
      address,
      close: async () => {
        await running.close();
        await database.close();
      },
    };
  } catch (error) {
    await app?.close();
    await database.close();
    throw error;
  }
}

async function listen(app: NestFastifyApplication, { HOST, PORT }: AppConfig): Promise<void> {
  try {
    await app.listen({ host: HOST, port: PORT });
  } catch (error) {
    if ((error as { syscall?: unknown }).syscall === undefined) throw error;
    throw new DomainError(
      'UNAVAILABLE',
      `Cannot listen on HOST ${HOST}, PORT ${PORT}: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

function describe({ APP_ROLES }: AppConfig, address: string): string {
  return APP_ROLES.includes('api')
    ? `GraphQL at ${address}/graphql, playground at ${address}/playground`
    : `running ${APP_ROLES.join(', ')}, health at ${address}/health/live`;
}
