import { Module } from '@nestjs/common';
import { ImportModule } from './import.module.js';
import { ImportRunsResolver } from './import-runs.resolver.js';
import { TrackerDevicesResolver } from './tracker-devices.resolver.js';

/** What only the `api` role needs of imports over GraphQL. */
@Module({ imports: [ImportModule], providers: [ImportRunsResolver, TrackerDevicesResolver] })
export class ImportApiModule {}
