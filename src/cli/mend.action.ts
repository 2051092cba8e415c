import { ClockModule } from '../clock/clock.module.js';
import { ClockService, type MendedHorizon } from '../clock/clock.service.js';
import { withContext } from './with-context.js';

export interface MendFlags {
  plan?: true;
  json?: true;
}

/** `tracker mend` */
export async function mend({ plan, json }: MendFlags): Promise<void> {
  const horizon = await withContext(ClockModule, (context) => {
    const service = context.get(ClockService);
    return plan ? service.mendedHorizon() : service.mendHorizon();
  });
  process.stdout.write(json ? `${JSON.stringify({ horizon }, null, 2)}\n` : describe(horizon, plan === true));
}

function describe({ before, now }: MendedHorizon, isPlan: boolean): string {
  const was = before.toISOString();
  const is = now.toISOString();
  if (was === is) return `horizon    ${was}: nothing to mend\n`;
  return (
    `horizon    ${isPlan ? 'would move' : 'moved'} from ${was} back to ${is}\n` +
    `Reports from then on ${isPlan ? 'would be' : 'are'} stored raw, with hours. Older ones count in their day.\n`
  );
}
