import { QuietLogger } from './quiet-logger.js';

type Printing = Parameters<QuietLogger['printMessages']>;

/**
 * Nest's logger for commands: standard output is for what the command answers, which may be JSON. A command whose database
 * goes away while it starts says so in one line, as the server does.
 */
export class CommandLogger extends QuietLogger {
  protected override printMessages(...[messages, context, logLevel, , ...others]: Printing): void {
    super.printMessages(messages, context, logLevel, 'stderr', ...others);
  }
}
