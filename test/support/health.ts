import { HistoryHealthRepository } from '../../src/health/history-health.repository.js';
import { HistoryHealthService } from '../../src/health/history-health.service.js';
import { RefresherHealthRepository } from '../../src/health/refresher-health.repository.js';
import { RefresherHealthService } from '../../src/health/refresher-health.service.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { JobRunsRepository } from '../../src/jobs/job-runs.repository.js';
import { RedisConnection } from '../../src/locking/redis-connection.js';
import { ListenerRegistry } from '../../src/pg-listener/listener-registry.js';
import { TransactionsHealthRepository } from '../../src/health/transactions-health.repository.js';
import { TransactionsHealthService } from '../../src/health/transactions-health.service.js';
import type { TestDatabase } from './test-database.js';

/** The doctor of a database, as a process without Redis and listener has it. */
export function healthOf(
  db: TestDatabase,
  redis = new RedisConnection(null),
  open = new TransactionsHealthRepository(db.dataSource),
): HistoryHealthService {
  const refresher = new RefresherHealthService(
    new RefresherHealthRepository(db.dataSource),
    db.locks,
    redis,
    new JobRunner(new JobRunsRepository(db.dataSource), db.locks),
    new ListenerRegistry(),
  );
  const transactions = new TransactionsHealthService(open);
  return new HistoryHealthService(new HistoryHealthRepository(db.dataSource), refresher, transactions);
}
