import type { Api } from './api.js';
import type { LogBook } from './log-book.js';
import type { Variables } from './program.js';
import type { SoakRecord } from './record.js';
import type { Fleet, ReportMaker } from './reports.js';
import type { Servers } from './servers.js';

/** What every client of the soak works with. */
export interface Scene {
  servers: Servers;
  api: Api;
  fleet: Fleet;
  record: SoakRecord;
  logs: LogBook;
  /** Settings of `tracker import`. */
  commandEnv: Variables;
  /** Aborted when the soak is to end at once. */
  signal: AbortSignal;
  /** Whether clients are to begin nothing new. */
  isOver(): boolean;
  /** Whether a fault is on, or ended so shortly ago that its consequences may be seen. */
  faultsAreOn(): boolean;
  maker(number: number): ReportMaker;
}
