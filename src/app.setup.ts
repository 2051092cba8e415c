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
import { SchemaGuard } from './database/schema-guard.js';

/** Time of a client to end its request when the server stops; the whole stop is to take less than ten seconds. */
const CLIENTS_END_MS = 5_000;

export function createLogger(config: AppConfig): LoggerService {
  return new QuietLogger({
    json: config.LOG_FORMAT === 'json',
    ...(!isatty(process.stdout.fd) && { colors: false }), // escape codes in a journal or a file
    logLevels: ['log', 'warn', 'error', 'fatal'],
  });
}

/**
 * The application as it runs, ready to listen; the tests use this very function.
 *
 * @throws DomainError `UNAVAILABLE` when the database is not at the schema of this build.
 */
export async function createApp(
  config: AppConfig,
  databaseUrl: string,
  logger: LoggerService | false = createLogger(config),
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    await AppModule.for(config, databaseUrl),
    new FastifyAdapter({ bodyLimit: 1024 * 1024, return503OnClosing: false }), // see refuseWhenStopping()
    { logger, abortOnError: false },
  );
  app.useGlobalPipes(
    new ValidationPipe({
      transform: true,
      exceptionFactory: (errors) =>
        new DomainError('BAD_USER_INPUT', messagesOf(errors).join('; '), {
          details: { arguments: errors.map((error) => error.property) },
        }),
    }),
  );
  app.useGlobalFilters(new ErrorFilter(app.get(HttpAdapterHost)));
  refuseWhenStopping(app);
  cutOffSlowClients(app);
  const schema = app.get(SchemaGuard);
  await schema.verify();
  if (config.APP_ROLES.some((role) => role !== 'api')) await schema.requireWritable();
  else await warnOfReadOnly(schema);
  if (config.APP_ROLES.includes('refresher')) await schema.storeSettings(); // the role that ends what is kept no longer
  return app;
}

/** Queries can be answered from a standby, and by a role that may not write. */
async function warnOfReadOnly(schema: SchemaGuard): Promise<void> {
  const reason = await schema.whyReadOnly();
  if (reason !== null) new Logger('Server').warn(`Queries alone are answered. ${reason}`);
}

/** Who asks a server that stops is told to ask again, as after every other refusal; what Fastify says has no code. */
function refuseWhenStopping(app: NestFastifyApplication): void {
  const gate = app.get(StopGate);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, _reply, done) => {
      done(request.url.startsWith('/health/live') ? undefined : gate.refusal());
    });
}

/**
 * Ends the connections of who does not read an answer, or does not finish a request, some time after the server began to
 * stop: it waits for them, and whoever manages the process does not wait for ever.
 */
function cutOffSlowClients(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preClose', (done) => {
    setTimeout(() => fastify.server.closeAllConnections(), CLIENTS_END_MS).unref();
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
