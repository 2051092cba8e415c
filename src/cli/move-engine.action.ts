import { moveToTimescaledb, type MoveReport } from '../migration/engine-mover.js';
import { answer, type AnswerFlags, progress } from './answer.js';
import { withDatabase } from './with-database.js';

export interface MoveFlags extends AnswerFlags {
  /** How long to wait for another migration, in seconds. */
  wait: number;
}

/** `tracker move-engine` */
export async function moveEngine(flags: MoveFlags): Promise<void> {
  await withDatabase(async (config, { directUrl }) => {
    const report = await moveToTimescaledb(config, directUrl, { progress, seconds: flags.wait });
    answer(report, () => `${describeMove(report)}\n`, flags);
  });
}

function describeMove({ moved, refreshed, reports, days }: MoveReport): string {
  if (moved) return `moved to the timescaledb engine: ${reports} raw reports, ${days} days below the horizon`;
  if (refreshed)
    return 'this database was already on the timescaledb engine; its history was behind and is refreshed now';
  return 'nothing to do: this database is already on the timescaledb engine';
}
