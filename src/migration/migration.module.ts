import { Global, Module } from '@nestjs/common';
import { SchemaGuard } from './schema-guard.js';

/** Checks the schema of the database for a running process; what changes it is called by commands, not injected. */
@Global()
@Module({ providers: [SchemaGuard], exports: [SchemaGuard] })
export class MigrationModule {}
