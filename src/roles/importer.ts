import { FetchCron } from '../find-my/fetch.cron.js';
import { FetchListener } from '../find-my/fetch.listener.js';
import { FindMyModule } from '../find-my/find-my.module.js';
import { ImportHousekeepingCron } from '../import/import-housekeeping.cron.js';
import { ImportModule } from '../import/import.module.js';
import type { RolePart } from './role-part.js';

export const importer: RolePart = {
  modules: [ImportModule, FindMyModule],
  runners: [ImportHousekeepingCron, FetchListener, FetchCron],
};
