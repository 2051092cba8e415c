import { Module } from '@nestjs/common';
import { ImportModule } from '../import/import.module.js';
import { FetchResolver } from './fetch.resolver.js';
import { FindMyModule } from './find-my.module.js';

/** What only the `api` role needs of Find My. */
@Module({ imports: [FindMyModule, ImportModule], providers: [FetchResolver] })
export class FindMyApiModule {}
