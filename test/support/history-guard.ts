import type { DataSource } from 'typeorm';
import { HistoryGuardRepository } from '../../src/history-guard/history-guard.repository.js';
import { HistoryGuardService } from '../../src/history-guard/history-guard.service.js';
import { clockOf } from './clock.js';

/** What looks after the history of a database, as one process has it. */
export function guardOf(process: DataSource): HistoryGuardService {
  return new HistoryGuardService(new HistoryGuardRepository(process), clockOf(process));
}
