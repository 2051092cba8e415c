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
 * The `tracker` command. What a command needs is loaded when it runs, so that help comes at once.
 *
 * Every command exits with 0 on success, 1 on failure, 2 when it was called wrongly. With `--json` a failure is an object
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

/** The program with all commands but `completion`, which completes these. */
function withCommands(): Command {
  const program = new Command('tracker')
    .description(
      'Location history of BLE trackers, phones and GPS loggers. Settings come from environment variables, first of all ' +
        'DATABASE_URL; docs/configuration.md lists them.',
    )
    .version((JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version)
    .showHelpAfterError('(--help shows how to call it)')
    .configureHelp({ styleTitle: (title) => styleText('bold', title, { validateStream: false }) })
    // Else options of a subcommand that its parent has as well would be the parent's.
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
  program.commandsGroup('Trying out and developing:');
  addDemoCommand(program);
  addSchemaCommand(program);
  return program;
}

function fail(error: unknown, json: boolean): void {
  if (error instanceof CommanderError && error.exitCode === 0) {
    process.exitCode = 0; // help and version are no failures
    return;
  }
  const isUsage = error instanceof CommanderError || error instanceof UsageError;
  process.exitCode = isUsage ? EXIT.usage : EXIT.failed;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ error: error instanceof CommanderError ? wrongCall(error) : failureOf(error) })}\n`,
    );
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`${colored('red', describeFailure(error), process.stderr)}\n`);
  }
}

/** Commander's message without its "error: ". */
function wrongCall({ message }: CommanderError): ReturnType<typeof failureOf> {
  return { code: 'BAD_USER_INPUT', message: message.replace(/^error: /, '') };
}
