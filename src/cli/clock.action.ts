import { ClockModule } from '../clock/clock.module.js';
import { ClockService, type ClockState } from '../clock/clock.service.js';
import { EXIT } from '../process.js';
import { answer, type AnswerFlags, colored } from './answer.js';
import { UsageError } from './usage-error.js';
import { withContext } from './with-context.js';

export interface ClockFlags extends AnswerFlags {
  accept?: true;
  force?: true;
}

/** `tracker clock` */
export async function clock(flags: ClockFlags): Promise<void> {
  const { accept, force } = flags;
  if (force && !accept) throw new UsageError('--force needs --accept');
  const state = await withContext(ClockModule, (context) => {
    const service = context.get(ClockService);
    return accept ? service.accept(force === true) : service.check();
  });
  answer(state, () => describe(state), flags);
  if (state.problem !== null) process.exitCode = EXIT.failed;
}

function describe({ databaseTime, programTime, agreedTime, problem }: ClockState): string {
  return [
    `database   ${databaseTime.toISOString()}`,
    `program    ${programTime.toISOString()}`,
    `agreed     ${agreedTime.toISOString()}   used by retention`,
    problem === null ? colored('green', 'No problem.') : colored('red', `PROBLEM: ${problem}`),
    '',
  ].join('\n');
}
