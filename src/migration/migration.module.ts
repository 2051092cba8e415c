import { Global, Module } from '@nestjs/common';
import { SchemaGuard } from './schema-guard.js';

/** Provides the check of the schema. Code that changes the schema is not injected: commands call it directly. */
@Global()
@Module({ providers: [SchemaGuard], exports: [SchemaGuard] })
export class MigrationModule {}
