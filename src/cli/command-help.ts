import type { Command } from 'commander';

/** What a command does: a line for the list of commands, more for its own help, and calls to copy. */
export interface CommandHelp {
  summary: string;
  /** The summary where there is no more to say. */
  description?: string;
  /** Calls without the program's name, each with what it does. */
  examples: Readonly<Record<string, string>>;
}

/** Sets the texts of `--help`. */
export function describe(command: Command, { summary, description, examples }: CommandHelp): Command {
  const lines = Object.entries(examples).map(([call, does]) => `  # ${does}\n  tracker ${call}`);
  return command
    .summary(summary)
    .description(description ?? `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .addHelpText('after', `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.join('\n')}`);
}

/** Adds `--json`, which every command that ends by itself has. */
export function addJsonOption(command: Command, what = 'answer with one JSON object; errors too'): Command {
  return command.option('--json', what);
}
