import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  type HealthIndicatorFunction,
  type HealthIndicatorResult,
  HealthIndicatorService,
} from '@nestjs/terminus';
import { type LoopState, LivenessRegistry } from '../common/liveness/liveness.registry.js';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';

/** From this median delay of the event loop on, the process is too busy: every step of a request waits that long. */
const MAX_MEDIAN_DELAY_MS = 500;
const SAMPLE_MS = 20;
/** A query that needs no database. */
const TEST_QUERY = {
  method: 'POST',
  url: '/graphql',
  headers: { 'content-type': 'application/json' },
  payload: '{"query":"{ __typename }"}',
} as const;
const TEST_QUERY_TIMEOUT_MS = 3_000;

/** The part of Fastify's instance that is used here; inject() runs a request through the server without a socket. */
interface RequestInjector {
  inject(request: typeof TEST_QUERY): Promise<{ statusCode: number }>;
}

/** Checks whether this process still works. If not, a restart helps. */
@Injectable()
export class LivenessProbes implements OnModuleInit, OnModuleDestroy {
  private readonly delays = monitorEventLoopDelay({ resolution: SAMPLE_MS });

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly liveness: LivenessRegistry,
    private readonly http: HttpAdapterHost,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  onModuleInit(): void {
    this.delays.enable();
  }

  onModuleDestroy(): void {
    this.delays.disable();
  }

  all(): HealthIndicatorFunction[] {
    return [
      () => this.eventLoop(),
      ...(this.config.APP_ROLES.includes('api') ? [() => this.graphql()] : []),
      ...this.liveness.loops().map((loop) => () => this.loop(loop)),
    ];
  }

  private loop({ name, alive, ageMs }: LoopState): HealthIndicatorResult {
    const indicator = this.indicators.check(name);
    return alive ? indicator.up({ ageMs }) : indicator.down({ ageMs, message: 'no heartbeat in time' });
  }

  /** Checks the delays of the event loop since the last check. */
  private eventLoop(): HealthIndicatorResult {
    const [medianMs, longestMs] = [this.delays.percentile(50), this.delays.max].map((nanoseconds) =>
      Math.round(nanoseconds / 1e6),
    ) as [number, number];
    const hasSamples = this.delays.count > 0;
    this.delays.reset();
    const indicator = this.indicators.check('event_loop');
    if (!hasSamples) return indicator.up();
    return medianMs < MAX_MEDIAN_DELAY_MS
      ? indicator.up({ medianMs, longestMs })
      : indicator.down({ medianMs, longestMs, message: 'too busy to answer' });
  }

  private graphql(): PromiseLike<HealthIndicatorResult> {
    const fastify = this.http.httpAdapter.getInstance<RequestInjector>();
    return this.indicators
      .check('graphql')
      .attempt(async () => {
        const { statusCode } = await fastify.inject(TEST_QUERY);
        if (statusCode !== 200) throw new Error(`answers with ${statusCode}`);
      })
      .withTimeout(TEST_QUERY_TIMEOUT_MS);
  }
}
