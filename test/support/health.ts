import { HistoryHealthRepository } from '../../src/health/history-health.repository.js';
import { HistoryHealthService } from '../../src/health/history-health.service.js';
import { RefresherHealthRepository } from '../../src/health/refresher-health.repository.js';
import { RefresherHealthService } from '../../src/health/refresher-health.service.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { JobRunsRepository } from '../../src/jobs/job-runs.repository.js';
import type { LockService } from '../../src/locking/lock.service.js';
import { RedisStatus } from '../../src/locking/redis-status.js';
import { ListenerRegistry } from '../../src/pg-listener/listener-registry.js';
import { TransactionsHealthRepository } from '../../src/health/transactions-health.repository.js';
import { TransactionsHealthService } from '../../src/health/transactions-health.service.js';
import { clockOf } from './clock.js';
import { guardOf } from './history-guard.js';
import { noRedis } from './locks.js';
import type { TestDatabase } from './test-database.js';

/** The Redis of a process and its locks, as far as the doctor asks them. */
interface WithRedis {
  status: RedisStatus;
  service: LockService;
}

/** The doctor of a database, as a process without listener has it; without Redis, too, unless it is given one. */
export function healthOf(
  db: TestDatabase,
  redis?: WithRedis,
  open = new TransactionsHealthRepository(db.dataSource),
): HistoryHealthService {
  const locks = redis?.service ?? db.locks;
  const refresher = new RefresherHealthService(
    new RefresherHealthRepository(db.dataSource),
    locks,
    redis?.status ?? new RedisStatus(noRedis(db.dataSource)),
    new JobRunner(new JobRunsRepository(db.dataSource), locks),
    new ListenerRegistry(),
  );
  return new HistoryHealthService(
    new HistoryHealthRepository(db.dataSource),
    refresher,
    clockOf(db.dataSource),
    guardOf(db),
    new TransactionsHealthService(open),
  );
}
