import pg from 'pg';
import { databaseErrorCode, SQLSTATE } from './pg-errors.js';
import { refusedConnections } from './refused-connections.js';

/**
 * A client whose failures are always heard. TypeORM listens to a session a moment after the pool has handed it out, and
 * one that the server ends in that moment (it restarts, an operator terminates sessions) would end the process: an
 * 'error' that nobody listens to is thrown. Who uses the session is told by its next statement.
 *
 * That the server has no connection free is noted: see RefusedConnections.
 */
export class HeardClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error, client?: pg.Client) => void): Promise<pg.Client> | undefined {
    if (!callback) {
      return super.connect().catch((error: unknown) => {
        noteRefusal(error);
        throw error;
      });
    }
    super.connect((error: Error | null, client?: unknown) => {
      noteRefusal(error);
      callback(error as Error, client as pg.Client);
    });
    return undefined;
  }
}

function noteRefusal(error: unknown): void {
  if (databaseErrorCode(error) === SQLSTATE.tooManyConnections) refusedConnections.note();
}
