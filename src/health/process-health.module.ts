import { Logger, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ClockModule } from '../clock/clock.module.js';
import { LivenessProbes } from './liveness.probes.js';
import { ProcessHealthController } from './process-health.controller.js';
import { ReadinessProbes } from './readiness.probes.js';

/** Sets the context of the log lines of failed checks. */
class HealthLogger extends Logger {
  constructor() {
    super('Health');
  }
}

/** The health of one process, over HTTP, in every role. */
@Module({
  imports: [TerminusModule.forRoot({ logger: HealthLogger }), ClockModule],
  controllers: [ProcessHealthController],
  providers: [LivenessProbes, ReadinessProbes],
})
export class ProcessHealthModule {}
