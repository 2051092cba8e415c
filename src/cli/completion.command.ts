import { Argument, type Command } from 'commander';
import { describe } from './command-help.js';
import type { Shell } from './completion.action.js';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** @param buildCompleted builds the program whose commands and options are completed. */
export function addCompletionCommand(program: Command, buildCompleted: () => Command): void {
  describe(program.command('completion'), {
    summary: 'print a script that completes commands in a shell',
    examples: {
      'completion bash | sudo tee /etc/bash_completion.d/tracker': 'bash, for all users',
      'completion zsh > "${fpath[1]}/_tracker"': 'zsh',
      'completion fish > ~/.config/fish/completions/tracker.fish': 'fish',
    },
  })
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action(async (shell: Shell) =>
      (await import('./completion.action.js')).printScript(buildCompleted(), shell),
    );
  // Called by the script on every press of Tab.
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) =>
      (await import('./completion.action.js')).complete(buildCompleted(), words),
    );
}
