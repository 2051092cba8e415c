/** Settings that a session gets as soon as it is connected. */
export interface SessionSettings {
  settings: Readonly<Record<string, string>>;
  /**
   * Whether to set them through a pooler too, because it is known to keep the session for us alone. If not, they are set
   * only when there is no pooler, i.e. the server's process is the one that the protocol announced: otherwise other clients
   * would get the settings.
   */
  throughPooler: boolean;
}

/** For every session of ours, whatever the defaults of the server or the user are. */
const SETTINGS = {
  // Otherwise the session of a client that was killed keeps its locks until its statement ends.
  client_connection_check_interval: '2s',
  // The server notices that the client's machine is gone only by asking.
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
