import pg from 'pg';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { refusedConnections } from './refused-connections.js';
import { DEFAULT_SESSION, type SessionSettings } from './session-settings.js';
import { withSslMode } from './tls.js';

export interface CrashSafeClientConfig extends pg.ClientConfig {
  /** Settings of the session once it is connected; by default {@link DEFAULT_SESSION}. */
  session?: SessionSettings;
}

/** Timeout of the one statement after connecting. */
const SETTINGS_TIMEOUT_MS = 10_000;

/** Members that the driver's types leave out. */
interface Driver {
  getStartupConf(): Record<string, string>;
}

type OnConnected = (error: Error | null, client?: pg.Client) => void;

/**
 * The product's connection to the database, used by its pools and for single connections.
 *
 * It always has a listener for 'error', because Node.js ends the process on an 'error' without one. TypeORM adds its
 * listener a moment after the pool has handed out a session; until then the server may end the session (a restart, an
 * operator). The user of the session learns of it from the next statement.
 *
 * It sends no startup parameter `options`, which poolers refuse, and sets nothing on a session that a pooler may hand
 * to other clients: see SessionSettings.
 *
 * It records when the server has no free connection: see RefusedConnections.
 */
export class CrashSafeClient extends pg.Client {
  private readonly session: SessionSettings;

  constructor(config: CrashSafeClientConfig = {}) {
    const { session = DEFAULT_SESSION, ...driverConfig } = config;
    super(withSslMode(driverConfig));
    this.session = session;
    this.on('error', () => undefined);
  }

  /** Process id that the protocol announced; a pooler announces an invented one. */
  get announcedPid(): number | null {
    return (this as unknown as { processID: number | null }).processID;
  }

  /**
   * Sets the date style that the driver can parse, whatever the defaults of the server, the database or the role are.
   * Poolers know this parameter and set it for each client, which they can skip if the value includes the day order.
   */
  getStartupConf(): Record<string, string> {
    const driver = pg.Client.prototype as unknown as Driver;
    return { ...driver.getStartupConf.call(this), DateStyle: 'ISO, MDY' };
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: OnConnected): void;
  override connect(callback?: OnConnected): Promise<pg.Client> | undefined {
    const connected = super.connect().then(() => this.applySettings(), recordRefusal);
    if (!callback) return connected;
    connected.then(
      (client) => callback(null, client),
      (error: unknown) => callback(error as Error),
    );
    return undefined;
  }

  private async applySettings(): Promise<this> {
    const { settings, throughPooler } = this.session;
    try {
      await this.query({
        text: `SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)
          WHERE $3::boolean OR pg_backend_pid() = $4::integer`,
        values: [Object.keys(settings), Object.values(settings), throughPooler, this.announcedPid],
        query_timeout: SETTINGS_TIMEOUT_MS,
      } as pg.QueryConfig);
      return this;
    } catch (error) {
      await this.end().catch(() => undefined); // a pool drops a client that could not connect without ending it
      throw error;
    }
  }
}

/** Records whether the server was full. @throws the error that it is called with. */
function recordRefusal(error: unknown): never {
  if (databaseErrorCode(error) === SQLSTATE.tooManyConnections) refusedConnections.record();
  throw error;
}
