import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { packagePath } from '../database/sql-files.js';
import { describeFailure, EXIT } from '../process.js';
import { addClockCommand } from './clock.command.js';
import { addDemoCommand } from './demo.command.js';
import { addDoctorCommand } from './doctor.command.js';
import { addFetchCommand } from './fetch.command.js';
import { addImportCommand } from './import.command.js';
import { addKeysCommand } from './keys.command.js';
import { addMendCommand } from './mend.command.js';
import { addMigrateCommand } from './migrate.command.js';
import { addMoveEngineCommand } from './move-engine.command.js';
import { addSchemaCommand } from './schema.command.js';

/**
 * The `tracker` command. What a command needs is loaded when it runs: help has to come at once.
 *
 * Every command exits with 0 on success, 1 on failure, 2 when it was called wrongly.
 */
export function buildProgram(): Command {
  const program = new Command('tracker')
    .description(
      'Location history of BLE trackers. Settings come from the environment: see docs/configuration.md.',
    )
    .version((JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version)
    .showHelpAfterError('(--help lists what it takes)')
    // Else options of a subcommand that its parent has as well would be the parent's.
    .enablePositionalOptions()
    .exitOverride();
  addMigrateCommand(program);
  addImportCommand(program);
  addFetchCommand(program);
  addKeysCommand(program);
  addDoctorCommand(program);
  addClockCommand(program);
  addMendCommand(program);
  addMoveEngineCommand(program);
  addSchemaCommand(program);
  addDemoCommand(program);

  const parse = program.parseAsync.bind(program);
  program.parseAsync = async (...args: Parameters<typeof parse>) => {
    try {
      return await parse(...args);
    } catch (error) {
      if (error instanceof CommanderError) {
        process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage; // help and version are no failures
      } else {
        process.stderr.write(`${describeFailure(error)}\n`);
        process.exitCode = EXIT.failed;
      }
      return program;
    }
  };
  return program;
}
