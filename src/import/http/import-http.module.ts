import {
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnModuleInit,
  RequestMethod,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ImportModule } from '../import.module.js';
import { leaveBodiesUnparsed, UnparsedBodyMiddleware } from './body-stream.js';
import { PhonesController } from './phones.controller.js';
import { ReportsController } from './reports.controller.js';

/** Imports over HTTP; part of the role `api`. */
@Module({ imports: [ImportModule], controllers: [ReportsController, PhonesController] })
export class ImportHttpModule implements NestModule, OnModuleInit {
  constructor(private readonly adapter: HttpAdapterHost) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(UnparsedBodyMiddleware).forRoutes({ path: 'import/*path', method: RequestMethod.POST });
  }

  onModuleInit(): void {
    leaveBodiesUnparsed(this.adapter);
  }
}
