import { script } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/**
 * Ours for bash: the library's evaluates the line as it is typed, so that Tab would run a `$(command)` in it, and needs the
 * package bash-completion. The words go to the program as they are; what it prints last is a directive for other shells.
 */
const BASH = `# bash completion for tracker
_tracker_complete() {
  local candidates
  candidates=$(tracker complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | sed -e '$d' -e 's/\\t.*//')
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _tracker_complete tracker
`;

export type Shell = 'bash' | 'zsh' | 'fish';

/** `tracker completion` */
export function printScript(program: Command, shell: Shell): void {
  if (shell === 'bash') process.stdout.write(BASH);
  else script(shell, program.name(), program.name());
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
