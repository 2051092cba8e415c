import { AggregatesCron } from '../aggregates/aggregates.cron.js';
import { AggregatesListener } from '../aggregates/aggregates.listener.js';
import { AggregatesModule } from '../aggregates/aggregates.module.js';
import { ClockModule } from '../clock/clock.module.js';
import { ClockWatcher } from '../clock/clock.watcher.js';
import { HistoryGuardCron } from '../history-guard/history-guard.cron.js';
import { HistoryGuardModule } from '../history-guard/history-guard.module.js';
import type { RolePart } from './role-part.js';

export const refresher: RolePart = {
  modules: [AggregatesModule, ClockModule, HistoryGuardModule],
  runners: [AggregatesListener, AggregatesCron, ClockWatcher, HistoryGuardCron],
};
