import { Global, Module } from '@nestjs/common';
import { LivenessRegistry } from './liveness.registry.js';

/** One registry for the whole process. */
@Global()
@Module({ providers: [LivenessRegistry], exports: [LivenessRegistry] })
export class LivenessModule {}
