import { HistoryGuardRepository } from '../../src/history-guard/history-guard.repository.js';
import { HistoryGuardService } from '../../src/history-guard/history-guard.service.js';
import { RestoreWatch } from '../../src/history-guard/restore-watch.js';
import { clockOf } from './clock.js';
import { noRedis } from './locks.js';
import type { TestDatabase } from './test-database.js';

/** What looks after the history of a database, as one process has it. */
export function guardOf({ dataSource, aggregates }: TestDatabase): HistoryGuardService {
  return new HistoryGuardService(new HistoryGuardRepository(dataSource), clockOf(dataSource), aggregates);
}

/** What notices a restored backup, as one process has it that remembers nothing yet. */
export function restoreWatchOf({ dataSource }: TestDatabase, keys = noRedis(dataSource)): RestoreWatch {
  return new RestoreWatch(new HistoryGuardRepository(dataSource), keys);
}
