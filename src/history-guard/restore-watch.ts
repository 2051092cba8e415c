import { Injectable, Logger } from '@nestjs/common';
import { describeDuration } from '../common/describe-duration.js';
import { describeMoment } from '../common/describe-moment.js';
import { RedisKeys } from '../locking/redis-keys.js';
import { HistoryGuardRepository, type NotedDays } from './history-guard.repository.js';

/** After this long without a check, a restored backup could go unnoticed. */
const LONG_MS = 15 * 60_000;
/** How long Redis keeps the last check. */
const REMEMBERED_S = 30 * 86_400;

/** The last check, as this process or Redis remembers it. */
type Remembered = Pick<NotedDays, 'looks' | 'now' | 'days'>;

/**
 * Notices that an older backup was restored: its database has had fewer checks than this process remembers, or than Redis
 * remembers when all processes were stopped. The days remembered are then what the database should have.
 */
@Injectable()
export class RestoreWatch {
  private readonly logger = new Logger('HistoryGuard');
  private remembered: Remembered | null = null;

  constructor(
    private readonly repository: HistoryGuardRepository,
    private readonly keys: RedisKeys,
  ) {}

  async look(): Promise<void> {
    const noted = await this.repository.look();
    const remembered = this.remembered ?? (await this.recall(noted.lineage));
    if (remembered === null) this.warnOfGap(noted);
    else if (noted.looks <= remembered.looks) await this.onOlderBackup(noted, remembered);
    this.remembered = noted;
    await this.keep(noted);
  }

  private async onOlderBackup(noted: NotedDays, remembered: Remembered): Promise<void> {
    await this.repository.expect(remembered.days);
    this.logger.warn(
      `The database was looked at on ${describeMoment(remembered.now)}, and knows of no look since ${describeMoment(noted.lastLook)}: an older ` +
        'backup was restored. Import the files of that time again; tracker doctor names the days of which reports are missing',
    );
  }

  private warnOfGap({ lastLook, now }: NotedDays): void {
    const ms = now.getTime() - lastLook.getTime();
    if (ms < LONG_MS) return;
    this.logger.warn(
      `No refresher has looked at this database for ${describeDuration(ms)}, since ${describeMoment(lastLook)}. If a backup was ` +
        'restored, import the files of the time since then again',
    );
  }

  private async recall(lineage: string): Promise<Remembered | null> {
    if (!this.keys.connection.isConfigured) return null;
    try {
      const text = await this.keys.connection.run((redis) => redis.get(this.keyOf(lineage)));
      if (text === null) return null;
      const { looks, now, days } = JSON.parse(text) as {
        looks: number;
        now: string;
        days: [string, number][];
      };
      return { looks, now: new Date(now), days: new Map(days) };
    } catch {
      return null; // Redis is not reachable, or the value is not ours
    }
  }

  private async keep({ lineage, looks, now, days }: NotedDays): Promise<void> {
    if (!this.keys.connection.isConfigured) return;
    const text = JSON.stringify({ looks, now, days: [...days] });
    try {
      await this.keys.connection.write((redis) => redis.set(this.keyOf(lineage), text, 'EX', REMEMBERED_S));
    } catch {
      // The connection logs the failure, and this process remembers.
    }
  }

  private keyOf(lineage: string): string {
    return this.keys.keyWithIdentity(`noted_days:${lineage}`);
  }
}
