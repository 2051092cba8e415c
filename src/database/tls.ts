import type { Duplex } from 'node:stream';
import pg from 'pg';

/** The parts of the driver's connection that its types leave out. */
interface NegotiatingConnection {
  stream: Duplex;
  connect(port: number | string, host?: string): void;
  attachListeners(stream: Duplex): void;
  emit(event: string): boolean;
}

/** The answer of a server without TLS to the request for TLS. */
const NO_TLS = 'N'.charCodeAt(0);

/**
 * Applies `sslmode` as libpq does; the driver would treat every mode as `verify-full`.
 *
 * - `allow` and `prefer`: TLS without verification if the server has it, otherwise a plain connection
 * - `require`: TLS without verification (with `sslrootcert`: as `verify-ca`)
 * - `verify-ca`, `verify-full`: the certificate is verified; `verify-full` also checks its name
 * - over a unix socket: never TLS
 */
export function withSslMode(config: pg.ClientConfig): pg.ClientConfig {
  const [address = '', query = ''] = (config.connectionString ?? '').split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const sslNames = [...parameters.keys()].filter((name) => name.startsWith('ssl'));
  if (sslNames.length === 0) return config;
  const rewritten = (): string => `${address}${parameters.size === 0 ? '' : `?${parameters.toString()}`}`;
  if (/^(\/|%2f)/i.test(parameters.get('host') ?? hostOf(address))) {
    for (const name of sslNames) parameters.delete(name);
    return { ...config, connectionString: rewritten() };
  }
  const mode = parameters.get('sslmode');
  if (mode !== null && mode !== 'no-verify') parameters.set('uselibpqcompat', 'true');
  // Without sslrootcert, Node.js uses its own root certificates.
  if (parameters.get('sslrootcert') === 'system') parameters.delete('sslrootcert');
  if (mode !== 'allow' && mode !== 'prefer') return { ...config, connectionString: rewritten() };
  parameters.set('sslmode', 'prefer');
  const connection = preferringTls(config);
  return { ...config, connectionString: rewritten(), connection } as pg.ClientConfig;
}

function hostOf(address: string): string {
  return address.replace(/^[^/]*\/\//, '').replace(/^.*@/, '');
}

/** A connection that continues without TLS if the server does not support it; the driver alone would fail. */
function preferringTls({ keepAlive }: pg.ClientConfig): pg.Connection {
  const connection = new pg.Connection({
    ssl: { rejectUnauthorized: false },
    keepAlive,
  });
  const driver = connection as unknown as NegotiatingConnection;
  const connect = driver.connect.bind(connection);
  driver.connect = (port, host) => {
    connect(port, host);
    const { stream } = driver;
    const [upgrade] = stream.listeners('data') as ((answer: Buffer) => void)[];
    if (!upgrade) return;
    stream.removeListener('data', upgrade);
    stream.once('data', (answer: Buffer) => {
      if (answer.length !== 1 || answer[0] !== NO_TLS) {
        upgrade(answer);
        return;
      }
      driver.attachListeners(stream);
      driver.emit('sslconnect'); // makes the client start, as after the TLS handshake
    });
  };
  return connection;
}
