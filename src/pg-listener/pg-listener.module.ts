import { Global, Module } from '@nestjs/common';
import { ListenerRegistry } from './listener-registry.js';

/** Tells how the listeners of this process are; features make them. */
@Global()
@Module({ providers: [ListenerRegistry], exports: [ListenerRegistry] })
export class PgListenerModule {}
