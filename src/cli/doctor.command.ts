import type { Command } from 'commander';

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'tell the state of history and what the next run of retention removes; exits with 1 on problems',
    )
    .option('--json', 'as one JSON object')
    .action(async (flags: { json?: true }) => (await import('./doctor.action.js')).doctor(flags));
}
