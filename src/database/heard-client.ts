import pg from 'pg';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { refusedConnections } from './refused-connections.js';
import { DIRECT_SESSION, type SessionSettings } from './session-settings.js';
import { withSslMode } from './tls.js';

export interface HeardClientConfig extends pg.ClientConfig {
  /** What the session is set to once it is connected; by default {@link DIRECT_SESSION}. */
  session?: SessionSettings;
}

/** How long the one statement after connecting may take. */
const SETTINGS_TIMEOUT_MS = 10_000;

/** What the driver's types leave out. */
interface Driver {
  getStartupConf(): Record<string, string>;
}

type OnConnected = (error: Error | null, client?: pg.Client) => void;

/**
 * How the product connects to the database: one class, for its pools and for connections of their own.
 *
 * Its failures are always heard. TypeORM listens to a session a moment after the pool has handed it out, and one that the
 * server ends in that moment (it restarts, an operator terminates sessions) would end the process: an 'error' that nobody
 * listens to is thrown. Who uses the session is told by its next statement.
 *
 * It starts without the parameter `options`, which poolers refuse. What a pooler may give to other clients is not set
 * either: settings are for sessions that are the server's own.
 *
 * That the server has no connection free is noted: see RefusedConnections.
 */
export class HeardClient extends pg.Client {
  private readonly session: SessionSettings;

  constructor(config: HeardClientConfig = {}) {
    const { session = DIRECT_SESSION, ...driverConfig } = config;
    super(withSslMode(driverConfig));
    this.session = session;
    this.on('error', () => undefined);
  }

  /** Process id that the protocol told; a pooler tells one of its own making. */
  get announcedPid(): number | null {
    return (this as unknown as { processID: number | null }).processID;
  }

  /**
   * With the style of dates that the driver can read, whatever the server, the database or the role has. Poolers know
   * this parameter, and set it for whoever gets a connection; with the order of days they need not do so each time.
   */
  getStartupConf(): Record<string, string> {
    const driver = pg.Client.prototype as unknown as Driver;
    return { ...driver.getStartupConf.call(this), DateStyle: 'ISO, MDY' };
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: OnConnected): void;
  override connect(callback?: OnConnected): Promise<pg.Client> | undefined {
    const connected = super.connect().then(() => this.applySettings(), noteRefusal);
    if (!callback) return connected;
    connected.then(
      (client) => callback(null, client),
      (error: unknown) => callback(error as Error),
    );
    return undefined;
  }

  private async applySettings(): Promise<this> {
    const { settings, evenPooled } = this.session;
    try {
      await this.query({
        text: `SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)
          WHERE $3::boolean OR pg_backend_pid() = $4::integer`,
        values: [Object.keys(settings), Object.values(settings), evenPooled, this.announcedPid],
        query_timeout: SETTINGS_TIMEOUT_MS,
      } as pg.QueryConfig);
      return this;
    } catch (error) {
      await this.end().catch(() => undefined); // a pool forgets a client that could not connect, and does not end it
      throw error;
    }
  }
}

/** @throws what it is given. */
function noteRefusal(error: unknown): never {
  if (databaseErrorCode(error) === SQLSTATE.tooManyConnections) refusedConnections.note();
  throw error;
}
