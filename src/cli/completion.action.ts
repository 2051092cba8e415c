import { script } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/**
 * Replaces the library's script for bash, which evaluates the typed line, so that Tab would run a `$(command)` in it,
 * and which needs the package bash-completion. Passes the words on unchanged, and drops the last line of the output: a
 * directive for other shells.
 */
const BASH = `# bash completion for tracker
_tracker_complete() {
  local candidates
  candidates=$(tracker complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | sed -e '$d' -e 's/\\t.*//')
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "\${COMP_WORDS[COMP_CWORD]}")
  if [[ \${COMP_WORDS[1]} == import && $COMP_CWORD -gt 1 ]]; then # files, beside the options and "retry"
    mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
    compopt -o filenames 2>/dev/null
  fi
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
 * Prints the completions of a command line, computed from the definition of the program.
 *
 * @param words the words after the program's name; the last one is to be completed.
 */
export function complete(program: Command, words: string[]): void {
  useSummaries(program);
  tab(program, { completionCommandName: 'completion' }).parse(words);
}

/** Replaces descriptions with summaries, because a completion has room for one line. */
function useSummaries(command: Command): void {
  command.description(command.summary() || command.description());
  command.commands.forEach(useSummaries);
}
