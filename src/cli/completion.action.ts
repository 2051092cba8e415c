import { script } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import type { Shell } from './completion.command.js';

/** `tracker completion` */
export function printScript(program: Command, shell: Shell): void {
  script(shell, program.name(), program.name());
}

/**
 * Prints what may follow on a command line, from the definition of the program: it cannot become stale.
 *
 * @param words those after the program's name; the last one is the one to complete.
 */
export function complete(program: Command, words: string[]): void {
  useSummaries(program);
  tab(program, { completionCommandName: 'completion' }).parse(words);
}

/** A completion has room for one line. */
function useSummaries(command: Command): void {
  command.description(command.summary() || command.description());
  command.commands.forEach(useSummaries);
}
