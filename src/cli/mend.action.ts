import { HistoryGuardModule } from '../history-guard/history-guard.module.js';
import {
  HistoryGuardService,
  type Mending,
  type MissingReports,
} from '../history-guard/history-guard.service.js';
import { answer, type AnswerFlags, count } from './answer.js';
import { withContext } from './with-context.js';

export interface MendFlags extends AnswerFlags {
  plan?: true;
  acceptLoss?: true;
}

/** `tracker mend` */
export async function mend(flags: MendFlags): Promise<void> {
  const { plan, acceptLoss } = flags;
  await withContext(HistoryGuardModule, async (context) => {
    const guard = context.get(HistoryGuardService);
    if (acceptLoss) {
      const lost = await guard.acceptLoss();
      answer(
        { givenUp: lost },
        lost.length === 0 ? 'Nothing is missing.\n' : lost.map(describeLoss).join(''),
        flags,
      );
    } else {
      const mending = await (plan ? guard.plan() : guard.mend());
      answer(mending, () => describe(mending, plan === true), flags);
    }
  });
}

function describeLoss({ day, layer, expected, found }: MissingReports): string {
  return `lost       ${day}, ${layer}: ${expected - found} of ${count(expected, 'report')}\n`;
}

function describe({ horizon: { before, now }, days, recomputed }: Mending, isPlan: boolean): string {
  const [was, is] = [before.toISOString(), now.toISOString()];
  const lines = [
    was === is
      ? `horizon    ${was}: nothing to repair`
      : `horizon    ${isPlan ? 'would move' : 'moved'} from ${was} back to ${is}: later reports are stored raw again`,
    ...days.map(
      ({ day, reports }) =>
        `day        ${day}: import its ${count(reports, 'report')} again; each is counted once`,
    ),
    ...recomputed.map(
      (day) =>
        `day        ${day}: hours and days ${isPlan ? 'would be' : 'were'} recomputed from the raw reports`,
    ),
    ...(days.length + recomputed.length === 0 ? ['days       nothing to repair'] : []),
  ];
  return `${lines.join('\n')}\n`;
}
