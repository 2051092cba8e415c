import { Module } from '@nestjs/common';
import { ImportModule } from '../import/import.module.js';
import { FetchResolver } from './fetch.resolver.js';
import { FindMyModule } from './find-my.module.js';

/** The parts of Find My that only the `api` role needs. */
@Module({ imports: [FindMyModule, ImportModule], providers: [FetchResolver] })
export class FindMyApiModule {}
