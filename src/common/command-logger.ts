import { QuietLogger } from './quiet-logger.js';

type PrintArguments = Parameters<QuietLogger['printMessages']>;

/** Nest's logger for commands: writes to standard error, because standard output is for the result. */
export class CommandLogger extends QuietLogger {
  protected override printMessages(...[messages, context, logLevel, , ...others]: PrintArguments): void {
    super.printMessages(messages, context, logLevel, 'stderr', ...others);
  }
}
