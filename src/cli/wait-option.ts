import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_WAIT_SECONDS } from '../migration/migration-lock.js';

const MAX_WAIT_SECONDS = 86_400;

/** Adds `--wait <seconds>` to a command that changes the schema. */
export function addWaitOption(command: Command): Command {
  return command.option(
    '--wait <seconds>',
    `how long to wait for another migration, 0 to ${MAX_WAIT_SECONDS}`,
    parseSeconds,
    DEFAULT_WAIT_SECONDS,
  );
}

function parseSeconds(value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= MAX_WAIT_SECONDS) return Number(value);
  throw new InvalidArgumentError(`It must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}.`);
}
