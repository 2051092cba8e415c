import type { Api } from './api.js';
import type { LogBook } from './log-book.js';
import type { Variables } from './program.js';
import type { SoakRecord } from './record.js';
import type { Random } from '../../test/support/random.js';
import type { Fleet, ReportMaker } from './reports.js';
import type { Servers } from './servers.js';

/** State and services that all clients and checks of a soak share. */
export interface SoakContext {
  servers: Servers;
  api: Api;
  fleet: Fleet;
  record: SoakRecord;
  logs: LogBook;
  /** Environment of `tracker` commands. */
  commandEnv: Variables;
  /** Aborts the soak immediately. */
  signal: AbortSignal;
  /** Whether clients must stop after their current work. */
  isOver(): boolean;
  /** Whether a fault is active, or ended so recently that clients may still notice it. */
  faultsAreActive(): boolean;
  /** Random numbers of the client with this number. */
  random(client: number): Random;
  /** Report generator of the client with this number. */
  reportMaker(client: number): ReportMaker;
}
