import type { Command } from 'commander';
import { addJsonOption, describe } from './command-help.js';
import type { SchemaFlags } from './schema.action.js';

export function addSchemaCommand(program: Command): void {
  const command = describe(program.command('schema'), {
    summary: 'check that schema.gql matches the code',
    description: 'Checks that schema.gql matches the code. For developers; needs no database.',
    examples: { schema: 'exits with 1 if it does not match', 'schema --write': 'update schema.gql' },
  }).option('--write', 'write schema.gql instead of checking it');
  addJsonOption(command).action(async (flags: SchemaFlags) =>
    (await import('./schema.action.js')).checkSchema(flags),
  );
}
