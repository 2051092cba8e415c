/** Settings that a session gets as soon as it is connected. */
export interface SessionSettings {
  settings: Readonly<Record<string, string>>;
  /**
   * Whether to apply them through a pooler too; only for a pooler that gives this client a session of its own. If false,
   * they are applied only without a pooler, i.e. if pg_backend_pid() is the process id that was sent when the connection
   * opened: otherwise other clients of the pooler would get them.
   */
  throughPooler: boolean;
}

/** Applied to every session of the product, whatever the defaults of the server or the role are. */
const SETTINGS = {
  // Otherwise the session of a client that was killed keeps its locks until its statement ends.
  client_connection_check_interval: '2s',
  // Only by keepalive probes does the server notice that the client's machine is gone.
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

/** For connections that may go through a pooler. */
export const DEFAULT_SESSION: SessionSettings = { settings: SETTINGS, throughPooler: false };

/** For work that needs a session of its own, on an address that keeps one: see requireSession(). */
export function dedicatedSession(settings: Readonly<Record<string, string>> = {}): SessionSettings {
  return { settings: { ...SETTINGS, ...settings }, throughPooler: true };
}
