import { ConsoleLogger } from '@nestjs/common';

/** Nest's own account of its wiring: twenty lines at every start that say nothing to an operator. */
const WIRING: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestFactory',
  'NestApplication',
  'RouterExplorer',
  'RoutesResolver',
  'GraphQLModule',
]);

/** These log what they throw as well; whoever started the application says it. */
const THROWN: ReadonlySet<unknown> = new Set(['NestApplication', 'ExceptionHandler']);

/** Nest's logger without its account of the wiring, and without saying twice why it did not start. */
export class QuietLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (!WIRING.has(rest.at(-1))) super.log(message, ...(rest as [unknown, string]));
  }
  override error(message: unknown, ...rest: unknown[]): void {
    if (!THROWN.has(rest.at(-1))) super.error(message, ...(rest as [unknown, string]));
  }
}
