import { type MiddlewareConsumer, Module, type NestModule, RequestMethod } from '@nestjs/common';
import { BrowserRedirectMiddleware } from './browser-redirect.middleware.js';
import { GRAPHQL_PATH } from './playground-paths.js';
import { PlaygroundController } from './playground.controller.js';
import { RootController } from './root.controller.js';

/**
 * The GraphQL IDE at `/playground`, served entirely from this host: it works without the internet.
 *
 * The GraphQL module must be configured with `graphiql: false`: its own IDE loads from another host.
 */
@Module({ controllers: [PlaygroundController, RootController] })
export class PlaygroundModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(BrowserRedirectMiddleware).forRoutes({ path: GRAPHQL_PATH, method: RequestMethod.GET });
  }
}
