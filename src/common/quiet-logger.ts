import { ConsoleLogger } from '@nestjs/common';

/** Contexts of Nest's start-up messages: twenty lines at every start that are of no use to an operator. */
const STARTUP_CONTEXTS: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestFactory',
  'NestApplication',
  'RouterExplorer',
  'RoutesResolver',
  'GraphQLModule',
]);

/** Contexts that log an error and throw it too; the caller reports it. */
const RETHROWING_CONTEXTS: ReadonlySet<unknown> = new Set(['NestApplication', 'ExceptionHandler']);

/** Nest's logger without its start-up messages, and without errors that the caller reports. */
export class QuietLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (!STARTUP_CONTEXTS.has(rest.at(-1))) super.log(message, ...(rest as [unknown, string]));
  }
  override error(message: unknown, ...rest: unknown[]): void {
    if (!RETHROWING_CONTEXTS.has(rest.at(-1))) super.error(message, ...(rest as [unknown, string]));
  }
}
