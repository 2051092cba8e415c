import { Injectable, Logger } from '@nestjs/common';
import { describeDuration } from '../common/describe-duration.js';
import { describeMoment } from '../common/describe-moment.js';
import { RedisKeys } from '../locking/redis-keys.js';
import { HistoryGuardRepository, type RecordedDays } from './history-guard.repository.js';

/** After this long without a check, a warning says that a backup may have been restored. */
const LONG_MS = 15 * 60_000;
/** How long Redis keeps the last check. */
const EXPIRY_S = 30 * 86_400;

/** The last check, as this process or Redis stores it. */
type LastCheck = Pick<RecordedDays, 'checks' | 'now' | 'days'>;

/**
 * Detects that an older backup was restored: the database has had fewer checks than this process counted, or than Redis
 * stored before all processes were stopped. The database should then have at least the days of that last check.
 */
@Injectable()
export class RestoreWatch {
  private readonly logger = new Logger('HistoryGuard');
  private last: LastCheck | null = null;

  constructor(
    private readonly repository: HistoryGuardRepository,
    private readonly keys: RedisKeys,
  ) {}

  async check(): Promise<void> {
    const current = await this.repository.recordCheck();
    const last = this.last ?? (await this.load(current.lineage));
    if (last === null) this.warnOfGap(current);
    else if (current.checks <= last.checks) await this.onOlderBackup(current, last);
    this.last = current;
    await this.save(current);
  }

  private async onOlderBackup(current: RecordedDays, last: LastCheck): Promise<void> {
    await this.repository.raiseRecordedDays(last.days);
    this.logger.warn(
      `The database was checked on ${describeMoment(last.now)}, but has recorded no check since ${describeMoment(current.lastCheck)}: ` +
        'an older backup was restored. Import the files of that time again; tracker doctor lists the days with missing reports',
    );
  }

  private warnOfGap({ lastCheck, now }: RecordedDays): void {
    const ms = now.getTime() - lastCheck.getTime();
    if (ms < LONG_MS) return;
    this.logger.warn(
      `No refresher has checked this database for ${describeDuration(ms)}, since ${describeMoment(lastCheck)}. If a backup was ` +
        'restored, import the files of the time since then again',
    );
  }

  private async load(lineage: string): Promise<LastCheck | null> {
    if (!this.keys.connection.isConfigured) return null;
    try {
      const text = await this.keys.connection.run((redis) => redis.get(this.keyOf(lineage)));
      if (text === null) return null;
      const { looks, now, days } = JSON.parse(text) as {
        looks: number;
        now: string;
        days: [string, number][];
      };
      return { checks: looks, now: new Date(now), days: new Map(days) };
    } catch {
      return null; // Redis cannot be reached, or another program set the value
    }
  }

  private async save({ lineage, checks, now, days }: RecordedDays): Promise<void> {
    if (!this.keys.connection.isConfigured) return;
    const text = JSON.stringify({ looks: checks, now, days: [...days] }); // `looks`, as other versions read it
    try {
      await this.keys.connection.write((redis) => redis.set(this.keyOf(lineage), text, 'EX', EXPIRY_S));
    } catch {
      // The connection logs the failure, and this process has the check in memory.
    }
  }

  private keyOf(lineage: string): string {
    return this.keys.keyWithIdentity(`noted_days:${lineage}`);
  }
}
