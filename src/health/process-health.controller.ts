import { Controller, Get } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { LivenessProbes } from './liveness.probes.js';
import { ReadinessProbes } from './readiness.probes.js';

/** Health checks for supervisors: 503 when something is down, otherwise 200, also when something is degraded. */
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
