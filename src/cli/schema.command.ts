import type { Command } from 'commander';

export function addSchemaCommand(program: Command): void {
  program
    .command('schema')
    .description('check that schema.gql is the schema of the code')
    .option('--write', 'write it instead')
    .action(async (flags: { write?: true }) => (await import('./schema.action.js')).checkSchema(flags));
}
