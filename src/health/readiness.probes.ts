import { Injectable, Logger } from '@nestjs/common';
import {
  type HealthIndicatorFunction,
  type HealthIndicatorResult,
  HealthIndicatorService,
} from '@nestjs/terminus';
import { ClockService } from '../clock/clock.service.js';
import { DomainError } from '../common/errors/domain-error.js';
import { refusedConnections } from '../database/refused-connections.js';
import { SchemaGuard } from '../migration/schema-guard.js';
import { HISTORY_CHECK } from '../history-guard/history-guard.service.js';
import { JobRunner } from '../jobs/job-runner.js';
import { RedisStatus } from '../locking/redis-status.js';
import { ListenerRegistry } from '../pg-listener/listener-registry.js';
import type { ListenerState } from '../pg-listener/pg-listener.js';

const DATABASE_TIMEOUT_MS = 3_000;

/**
 * Checks whether everything that this process depends on is available. If not, waiting may help; a restart does not.
 * Without Redis or notifications the process still works, and is degraded.
 */
@Injectable()
export class ReadinessProbes {
  private readonly logger = new Logger('Health');

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly schema: SchemaGuard,
    private readonly redis: RedisStatus,
    private readonly listeners: ListenerRegistry,
    private readonly clock: ClockService,
    private readonly jobs: JobRunner,
  ) {}

  all(): HealthIndicatorFunction[] {
    const listeners = [...this.listeners.states()];
    return [
      () => this.database(),
      () => this.connections(),
      () => this.clocks(),
      () => this.history(),
      ...(this.redis.isConfigured ? [() => this.redisState()] : []),
      ...listeners.map(
        ([channel, state]) =>
          () =>
            this.listener(channel, state),
      ),
    ];
  }

  private database(): PromiseLike<HealthIndicatorResult> {
    return this.indicators
      .check('database')
      .attempt(async () => {
        try {
          await this.schema.requireMigrations();
        } catch (error) {
          if (error instanceof DomainError) throw error;
          this.logger.error('the database check failed', error instanceof Error ? error.stack : error);
          throw new Error('The database check failed; see the log', { cause: error });
        }
      })
      .withTimeout(DATABASE_TIMEOUT_MS);
  }

  /**
   * Checks for refused connections: the check above may use an open connection, but later requests may need new ones.
   */
  private connections(): HealthIndicatorResult {
    const indicator = this.indicators.check('connections');
    return refusedConnections.isRecent
      ? indicator.degraded({
          message:
            'Within the last minute the database server had no free connection (max_connections, or the limit of the role ' +
            'or the database); see docs/connections.md',
        })
      : indicator.up();
  }

  private async clocks(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('clock');
    try {
      const { problem } = await this.clock.check();
      return problem === null ? indicator.up() : indicator.degraded({ message: problem });
    } catch {
      return indicator.degraded({ message: 'Cannot read the time of the database' });
    }
  }

  /** Returns the result of the last hourly check, by any process. */
  private async history(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('history');
    try {
      const problems = ((await this.jobs.lastDetails(HISTORY_CHECK))?.['problems'] ?? []) as string[];
      return problems.length === 0 ? indicator.up() : indicator.degraded({ message: problems.join('; ') });
    } catch {
      return indicator.degraded({ message: 'Cannot read the last check of history from the database' });
    }
  }

  private async redisState(): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check('redis');
    const { state, reason, keys } = await this.redis.state();
    return state === 'ready' ? indicator.up({ keys }) : indicator.degraded({ message: `Redis ${reason}` });
  }

  private listener(channel: string, state: ListenerState): HealthIndicatorResult {
    const indicator = this.indicators.check(`listener:${channel}`);
    return state.listening
      ? indicator.up({ since: state.since, lastNotification: state.lastNotification })
      : indicator.degraded({ since: state.since, message: state.reason });
  }
}
