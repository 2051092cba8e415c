/**
 * One import in a process of its own, so that its memory can be told from the benchmark's.
 *
 * `node import-process.js [file]`, with DATABASE_URL. Without a file it only gets ready: the memory that is there
 * before anything is read. Answers with one line of JSON, an {@link ImportMeasurement}.
 */
import { readFileSync } from 'node:fs';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type AppConfig, loadConfig } from '../src/config/app-config.js';
import { ConfigModule } from '../src/config/config.module.js';
import { DatabaseModule } from '../src/database/database.module.js';
import { SchemaGuard } from '../src/migration/schema-guard.js';
import { keepHeapSmall } from '../src/process.js';
import { ImportModule } from '../src/import/import.module.js';
import { ImportService } from '../src/import/import.service.js';
import type { ImportSummary } from '../src/import/import-summary.js';

export interface ImportMeasurement {
  /** From the call of ImportService.importFile to its answer; starting the process is not in it. */
  seconds: number;
  /** CPU time of this process meanwhile. */
  cpuSeconds: number;
  /** Most memory that the process ever had in RAM, in bytes. */
  peakMemory: number;
  summary?: ImportSummary;
}

/** The modules of `tracker import`. */
@Module({})
class ImportProcessModule {
  static register(config: AppConfig, url: string): DynamicModule {
    return {
      module: ImportProcessModule,
      imports: [ConfigModule.forRoot(config), DatabaseModule.forRoot(config, url), ImportModule],
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
    const begun = performance.now();
    const summary = file === undefined ? undefined : await context.get(ImportService).importFile(file);
    const seconds = (performance.now() - begun) / 1000;
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

/** `maxRSS` would be at least the memory of the parent process: Linux hands it on through fork and exec. */
function peakMemory(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

process.stdout.write(`${JSON.stringify(await measure(process.argv[2]))}\n`);
