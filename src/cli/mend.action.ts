import { DomainError } from '../common/errors/domain-error.js';
import { HistoryGuardModule } from '../history-guard/history-guard.module.js';
import {
  HistoryGuardService,
  type Mending,
  type MissingReports,
} from '../history-guard/history-guard.service.js';
import { count } from './count.js';
import { withContext } from './with-context.js';

export interface MendFlags {
  plan?: true;
  acceptLoss?: true;
  json?: true;
}

/** `tracker mend` */
export async function mend({ plan, acceptLoss, json }: MendFlags): Promise<void> {
  if (plan && acceptLoss)
    throw new DomainError('BAD_USER_INPUT', '--plan and --accept-loss exclude each other');
  const answer = (value: unknown, text: string): void => {
    process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text);
  };
  await withContext(HistoryGuardModule, async (context) => {
    const guard = context.get(HistoryGuardService);
    if (acceptLoss) {
      const given = await guard.acceptLoss();
      answer(
        { givenUp: given },
        given.length === 0 ? 'Nothing is missing.\n' : given.map(describeLoss).join(''),
      );
    } else {
      const mending = await (plan ? guard.plan() : guard.mend());
      answer(mending, describe(mending, plan === true));
    }
  });
}

function describeLoss({ day, layer, expected, found }: MissingReports): string {
  return `given up   ${day}, ${layer}: ${count(expected - found, 'report')} of ${expected}\n`;
}

function describe({ horizon: { before, now }, days, recomputed }: Mending, isPlan: boolean): string {
  const [was, is] = [before.toISOString(), now.toISOString()];
  const lines = [
    was === is
      ? `horizon    ${was}: nothing to mend`
      : `horizon    ${isPlan ? 'would move' : 'moved'} from ${was} back to ${is}: reports from then on are stored raw, with hours`,
    ...days.map(
      ({ day, reports }) =>
        `day        ${day}: import its ${count(reports, 'report')} again; each counts once`,
    ),
    ...recomputed.map(
      (day) =>
        `day        ${day}: hours and days ${isPlan ? 'would be' : 'were'} computed anew from the raw reports that there are`,
    ),
    ...(days.length + recomputed.length === 0 ? ['days       nothing to mend'] : []),
  ];
  return `${lines.join('\n')}\n`;
}
