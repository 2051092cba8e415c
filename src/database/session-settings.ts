/** What a session is set to as soon as it is connected. */
export interface SessionSettings {
  settings: Readonly<Record<string, string>>;
  /**
   * Also where a pooler stands in between, i.e. where it is known to keep the session for us alone. Else only where the
   * server's process is the one that the protocol announced: through a pooler other clients would get the settings.
   */
  evenPooled: boolean;
}

/** How every session of ours behaves, whatever the server's or the user's defaults are. */
const SETTINGS = {
  // A session whose client was killed would else keep its locks to the end of the statement.
  client_connection_check_interval: '2s',
  // Of a client that vanished with its machine the server hears nothing, unless it asks.
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

/** For connections that may go through a pooler. */
export const DIRECT_SESSION: SessionSettings = { settings: SETTINGS, evenPooled: false };

/** For what needs a session, on an address that keeps one: see requireSession(). */
export function keptSession(settings: Readonly<Record<string, string>> = {}): SessionSettings {
  return { settings: { ...SETTINGS, ...settings }, evenPooled: true };
}
