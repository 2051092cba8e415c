import { Module } from '@nestjs/common';
import { ImportModule } from './import.module.js';
import { ImportRunsResolver } from './import-runs.resolver.js';
import { TrackerDevicesResolver } from './tracker-devices.resolver.js';

/** GraphQL resolvers of imports, for the role `api`. */
@Module({ imports: [ImportModule], providers: [ImportRunsResolver, TrackerDevicesResolver] })
export class ImportApiModule {}
