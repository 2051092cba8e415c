import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { packagePath } from '../database/sql-files.js';
import { describeFailure, EXIT, failureOf } from '../process.js';
import { colored } from './answer.js';
import { addClockCommand } from './clock.command.js';
import { addCompletionCommand } from './completion.command.js';
import { addDemoCommand } from './demo.command.js';
import { addDevicesCommand } from './devices.command.js';
import { addDoctorCommand } from './doctor.command.js';
import { addExportCommand } from './export.command.js';
import { addFetchCommand } from './fetch.command.js';
import { addImportCommand } from './import.command.js';
import { addKeysCommand } from './keys.command.js';
import { addMendCommand } from './mend.command.js';
import { addMigrateCommand } from './migrate.command.js';
import { addMoveEngineCommand } from './move-engine.command.js';
import { addSchemaCommand } from './schema.command.js';
import { addServeCommand } from './serve.command.js';
import { addTrackersCommand } from './trackers.command.js';
import { UsageError } from './usage-error.js';

/**
 * The `tracker` command. Each command loads its code when it runs, so that help is printed quickly.
 *
 * Every command exits with 0 on success, 1 on failure, 2 for a usage error. With `--json` a failure is an object
 * on standard output, `{"error":{"code":…,"message":…}}`, besides the line on standard error.
 */
export function buildProgram(): Command {
  const program = withCommands();
  addCompletionCommand(program, withCommands);

  const parse = program.parseAsync.bind(program);
  program.parseAsync = async (...args: Parameters<typeof parse>) => {
    try {
      return await parse(...args);
    } catch (error) {
      fail(error, (args[0] ?? process.argv).includes('--json'));
      return program;
    }
  };
  return program;
}

/** Builds the program with all commands except `completion`, which completes them. */
function withCommands(): Command {
  const program = new Command('tracker')
    .description(
      'Location history of BLE trackers, phones and GPS loggers. Settings come from environment variables, first of all ' +
        'DATABASE_URL; docs/configuration.md lists them.',
    )
    .version((JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version)
    .showHelpAfterError('(see --help for usage)')
    .configureHelp({ styleTitle: (title) => styleText('bold', title, { validateStream: false }) })
    // Otherwise an option that a subcommand shares with its parent would be assigned to the parent.
    .enablePositionalOptions()
    .exitOverride();
  program.commandsGroup('Trackers and reports:');
  addTrackersCommand(program);
  addDevicesCommand(program);
  addImportCommand(program);
  addExportCommand(program);
  addFetchCommand(program);
  addKeysCommand(program);
  program.commandsGroup('Operation:');
  addMigrateCommand(program);
  addServeCommand(program);
  addDoctorCommand(program);
  addClockCommand(program);
  addMendCommand(program);
  addMoveEngineCommand(program);
  program.commandsGroup('Demo and development:');
  addDemoCommand(program);
  addSchemaCommand(program);
  return program;
}

function fail(error: unknown, json: boolean): void {
  if (error instanceof CommanderError && error.exitCode === 0) {
    process.exitCode = 0; // help or version
    return;
  }
  const isUsage = error instanceof CommanderError || error instanceof UsageError;
  process.exitCode = isUsage ? EXIT.usage : EXIT.failed;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ error: error instanceof CommanderError ? toUsageFailure(error) : failureOf(error) })}\n`,
    );
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`${colored('red', describeFailure(error), process.stderr)}\n`);
  }
}

/** Converts an error of commander, without the prefix "error: " of its message. */
function toUsageFailure({ message }: CommanderError): ReturnType<typeof failureOf> {
  return { code: 'BAD_USER_INPUT', message: message.replace(/^error: /, '') };
}
