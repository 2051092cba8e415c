import { ConsoleLogger } from '@nestjs/common';

type Printing = Parameters<ConsoleLogger['printMessages']>;

/** Nest's logger for commands: it writes to stderr, because stdout is for the result, which may be JSON. */
export class CommandLogger extends ConsoleLogger {
  protected override printMessages(...[messages, context, logLevel, , ...others]: Printing): void {
    super.printMessages(messages, context, logLevel, 'stderr', ...others);
  }
}
