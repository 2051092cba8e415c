/**
 * Runs one import in its own process, to measure its memory separately from the benchmark.
 *
 * `node import-process.js [file]`, with DATABASE_URL. Without a file it only loads the modules and connects, which
 * gives the memory before an import. Prints one line of JSON, an {@link ImportMeasurement}.
 */
import { readFileSync } from 'node:fs';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type AppConfig, loadConfig } from '../src/config/app-config.js';
import { ConfigModule } from '../src/config/config.module.js';
import { DatabaseModule } from '../src/database/database.module.js';
import { MigrationModule } from '../src/migration/migration.module.js';
import { SchemaGuard } from '../src/migration/schema-guard.js';
import { keepHeapSmall } from '../src/process.js';
import { ImportModule } from '../src/import/import.module.js';
import { ImportService } from '../src/import/import.service.js';
import type { ImportSummary } from '../src/import/import-summary.js';

export interface ImportMeasurement {
  /** Duration of ImportService.importFile, without the start of the process. */
  seconds: number;
  /** CPU time of this process during the import. */
  cpuSeconds: number;
  /** Largest resident memory of the process, in bytes. */
  peakMemory: number;
  summary?: ImportSummary;
}

/** The modules of `tracker import`. */
@Module({})
class ImportProcessModule {
  static register(config: AppConfig, url: string): DynamicModule {
    return {
      module: ImportProcessModule,
      imports: [
        ConfigModule.forRoot(config),
        DatabaseModule.forRoot(config, url),
        MigrationModule,
        ImportModule,
      ],
    };
  }
}

async function measure(file: string | undefined): Promise<ImportMeasurement> {
  keepHeapSmall(); // as `tracker import` does
  const config = loadConfig(process.env);
  const url = config.DATABASE_URL;
  if (url === undefined) throw new Error('DATABASE_URL is not set');
  const context = await NestFactory.createApplicationContext(ImportProcessModule.register(config, url), {
    logger: ['warn', 'error', 'fatal'],
    abortOnError: false,
  });
  try {
    await context.get(SchemaGuard).verify();
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const summary = file === undefined ? undefined : await context.get(ImportService).importFile(file);
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return {
      seconds,
      cpuSeconds: (user + system) / 1e6,
      peakMemory: peakMemory(),
      ...(summary && { summary }),
    };
  } finally {
    await context.close();
  }
}

/** On Linux, not `maxRSS`: it is at least the memory of the parent process, because fork and exec keep it. */
function peakMemory(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

process.stdout.write(`${JSON.stringify(await measure(process.argv[2]))}\n`);
