import { Global, Module } from '@nestjs/common';
import { ListenerRegistry } from './listener-registry.js';

/** Keeps the listeners that features create, for health checks. */
@Global()
@Module({ providers: [ListenerRegistry], exports: [ListenerRegistry] })
export class PgListenerModule {}
