import { isatty } from 'node:tty';
import { Logger, type LoggerService, ValidationPipe } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { DomainError } from './common/errors/domain-error.js';
import { ErrorFilter } from './common/errors/error.filter.js';
import { StopGate } from './common/stop-gate.js';
import { QuietLogger } from './common/quiet-logger.js';
import type { AppConfig } from './config/app-config.js';
import { SchemaGuard } from './migration/schema-guard.js';

/** How long clients have to finish their requests when the server stops; the whole stop takes less than ten seconds. */
const SLOW_CLIENTS_MS = 5_000;

export function createLogger(config: AppConfig): LoggerService {
  return new QuietLogger({
    json: config.LOG_FORMAT === 'json',
    ...(!isatty(process.stdout.fd) && { colors: false }), // no escape codes in a journal or a file
    logLevels: ['log', 'warn', 'error', 'fatal'],
  });
}

/**
 * Creates the application, ready to listen; tests use the same function.
 *
 * @throws DomainError `UNAVAILABLE` when the schema of the database does not match this build.
 */
export async function createApp(
  config: AppConfig,
  databaseUrl: string,
  logger: LoggerService | false = createLogger(config),
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    await AppModule.forRoot(config, databaseUrl),
    new FastifyAdapter({ bodyLimit: 1024 * 1024, return503OnClosing: false }), // see rejectWhileStopping()
    { logger, abortOnError: false },
  );
  app.useGlobalPipes(
    new ValidationPipe({
      transform: true,
      exceptionFactory: (errors) =>
        new DomainError('BAD_USER_INPUT', messagesOf(errors).join('; '), {
          details: {
            ...(errors.length === 1 && { argument: errors[0]?.property }),
            arguments: errors.map((error) => error.property),
          },
        }),
    }),
  );
  app.useGlobalFilters(new ErrorFilter(app.get(HttpAdapterHost)));
  rejectWhileStopping(app);
  closeSlowClients(app);
  const schema = app.get(SchemaGuard);
  await schema.verify();
  if (config.APP_ROLES.some((role) => role !== 'api')) await schema.requireWritable();
  else await warnIfReadOnly(schema);
  if (config.APP_ROLES.includes('refresher')) await schema.storeSettings(); // this role applies retention
  return app;
}

/** The API can answer queries from a standby, or with a database role without write access. */
async function warnIfReadOnly(schema: SchemaGuard): Promise<void> {
  const reason = await schema.whyReadOnly();
  if (reason !== null) new Logger('Server').warn(`The API answers queries only, no mutations. ${reason}`);
}

/** Rejects requests while the server stops, with an error code that tells clients to retry; Fastify's own answer has none. */
function rejectWhileStopping(app: NestFastifyApplication): void {
  const gate = app.get(StopGate);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, _reply, done) => {
      done(request.url.startsWith('/health/live') ? undefined : gate.refusal());
    });
}

/**
 * Closes the connections of clients that neither finish a request nor read an answer within SLOW_CLIENTS_MS: the server
 * waits for open connections when it stops, and a process manager does not wait forever.
 */
function closeSlowClients(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preClose', (done) => {
    setTimeout(() => fastify.server.closeAllConnections(), SLOW_CLIENTS_MS).unref();
    done();
  });
}

interface Problem {
  constraints?: Record<string, string>;
  children?: Problem[];
}

function messagesOf(problems: Problem[]): string[] {
  return problems.flatMap((problem) => [
    ...Object.values(problem.constraints ?? {}),
    ...messagesOf(problem.children ?? []),
  ]);
}
