import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandModule } from '../../src/cli/with-context.js';
import { loadConfig } from '../../src/config/app-config.js';
import type { TestDatabase } from './test-database.js';

/** One module of the application on a test's database, as a command opens it; whoever opens it closes it. */
export function openFeature(
  db: TestDatabase,
  feature: Type,
  env: Record<string, string> = {},
): Promise<INestApplicationContext> {
  const config = loadConfig({ DATABASE_URL: db.url, HISTORY_ENGINE: db.config.HISTORY_ENGINE, ...env });
  return NestFactory.createApplicationContext(CommandModule.register(config, db.url, feature), {
    logger: false,
    abortOnError: false,
  });
}
