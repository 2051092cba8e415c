import type { Command } from 'commander';
import type { AnswerFlags } from './answer.js';
import { addJsonOption, describe } from './command-help.js';

export function addDoctorCommand(program: Command): void {
  const command = describe(program.command('doctor'), {
    summary: 'check the state of history',
    description:
      'Shows the state of history, what the next run of retention removes, and every problem with its remedy. Exits ' +
      'with 1 if there are problems.',
    examples: { doctor: 'for people', 'doctor --json': 'for monitoring: check "problems"' },
  });
  addJsonOption(command).action(async (flags: AnswerFlags) =>
    (await import('./doctor.action.js')).doctor(flags),
  );
}
