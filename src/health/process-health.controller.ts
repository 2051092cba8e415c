import { Controller, Get } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { LivenessProbes } from './liveness.probes.js';
import { ReadinessProbes } from './readiness.probes.js';

/** What supervisors ask: 200, or 503 where something is down; what is merely degraded is told with a 200. */
@Controller('health')
export class ProcessHealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly liveness: LivenessProbes,
    private readonly readiness: ReadinessProbes,
  ) {}

  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check(this.liveness.all());
  }

  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check(this.readiness.all());
  }
}
