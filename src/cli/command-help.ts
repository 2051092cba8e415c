import type { Command } from 'commander';

/** The help texts of a command. */
export interface CommandHelp {
  /** One line, for the list of commands. */
  summary: string;
  /** For the help of the command itself; default: the summary. */
  description?: string;
  /** Example calls without `tracker`, each with a comment. */
  examples: Readonly<Record<string, string>>;
}

/** Sets the texts of `--help`. */
export function describe(command: Command, { summary, description, examples }: CommandHelp): Command {
  const lines = Object.entries(examples).map(([call, comment]) => `  # ${comment}\n  tracker ${call}`);
  return command
    .summary(summary)
    .description(description ?? `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .addHelpText('after', `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.join('\n')}`);
}

/** Adds `--json`, for every command that ends by itself. */
export function addJsonOption(
  command: Command,
  description = 'print one JSON object, also for errors',
): Command {
  return command.option('--json', description);
}
