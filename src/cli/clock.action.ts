import { ClockModule } from '../clock/clock.module.js';
import { ClockService, type ClockState } from '../clock/clock.service.js';
import { DomainError } from '../common/errors/domain-error.js';
import { EXIT } from '../process.js';
import { withContext } from './with-context.js';

export interface ClockFlags {
  accept?: true;
  force?: true;
  json?: true;
}

/** `tracker clock` */
export async function clock({ accept, force, json }: ClockFlags): Promise<void> {
  if (force && !accept) throw new DomainError('BAD_USER_INPUT', '--force is for --accept');
  const state = await withContext(ClockModule, (context) => {
    const service = context.get(ClockService);
    return accept ? service.accept(force === true) : service.check();
  });
  process.stdout.write(json ? `${JSON.stringify(state, null, 2)}\n` : describe(state));
  if (state.problem !== null) process.exitCode = EXIT.failed;
}

function describe({ databaseTime, programTime, agreedTime, problem }: ClockState): string {
  return [
    `database   ${databaseTime.toISOString()}`,
    `program    ${programTime.toISOString()}`,
    `agreed     ${agreedTime.toISOString()}   retention works by this`,
    problem === null ? 'No problem.' : `PROBLEM: ${problem}`,
    '',
  ].join('\n');
}
