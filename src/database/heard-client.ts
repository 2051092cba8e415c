import pg from 'pg';

/**
 * A client whose failures are always heard. TypeORM listens to a session a moment after the pool has handed it out, and
 * one that the server ends in that moment (it restarts, an operator terminates sessions) would end the process: an
 * 'error' that nobody listens to is thrown. Who uses the session is told by its next statement.
 */
export class HeardClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
