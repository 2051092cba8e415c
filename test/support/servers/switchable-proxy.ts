import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './installed-programs.js';

/** What the proxy does to the connections through it. */
export type Fault =
  | 'none'
  /** No data passes and neither side is notified, as when a firewall forgets a connection or a cable is pulled. */
  | 'black hole'
  /** The server answers LISTEN with an error, as a hot standby does. */
  | 'LISTEN refused'
  /** LISTEN seems to succeed but has no effect, as behind a pooler in transaction mode. */
  | 'LISTEN lost'
  /** ReadyForQuery and everything after it is delayed until the server ends the connection, and then sent at once. */
  | 'late answers'
  /** Connections are accepted and ended at once. */
  | 'down';

/** The message ReadyForQuery, outside of a transaction. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/**
 * A TCP proxy in front of PostgreSQL or Redis that injects faults of networks and servers. While it is closed,
 * connections are refused, as by a stopped server; when it opens again, it has the same port.
 */
export class SwitchableProxy {
  /** Address of the server through the proxy. */
  readonly url: string;
  /** Number of connections that clients opened until now. */
  accepted = 0;
  private listener: Server | undefined;
  private readonly pairs = new Set<readonly [client: Socket, server: Socket]>();
  private fault: Fault = 'none';
  private target: URL;

  private constructor(
    url: string,
    private readonly port: number,
  ) {
    this.target = new URL(url);
    this.url = this.through(url);
  }

  /** @param url of the server, e.g. `redis://127.0.0.1:6379`. */
  static async start(url: string): Promise<SwitchableProxy> {
    const proxy = new SwitchableProxy(url, await freePort());
    await proxy.open();
    return proxy;
  }

  /** Changes an address of the server so that it goes through the proxy. */
  through(url: string): string {
    return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(this.port) }).href;
  }

  /** Sends new connections to another server. */
  retarget(url: string): void {
    this.target = new URL(url);
  }

  /**
   * Injects a fault from now on. Only 'down' and 'black hole' affect open connections: 'down' ends them at once, and
   * the fault that follows a black hole ends them.
   */
  inject(fault: Fault): void {
    if (fault === 'down' || this.fault === 'black hole') this.cut();
    this.fault = fault;
  }

  /** Ends all connections; new ones are accepted. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
    this.pairs.clear();
  }

  /** Accepts connections, again after close(). */
  async open(): Promise<void> {
    this.listener = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
    this.listener.listen(this.port, '127.0.0.1');
    await once(this.listener, 'listening');
  }

  /** Ends all connections and refuses new ones. */
  async close(): Promise<void> {
    const { listener } = this;
    this.listener = undefined;
    if (!listener) return;
    const closed = once(listener, 'close');
    listener.close();
    this.cut();
    await closed;
  }

  private accept(client: Socket): void {
    this.accepted += 1;
    client.on('error', () => undefined);
    if (this.fault === 'down') {
      client.destroy();
      return;
    }
    const { hostname, port, protocol } = this.target;
    const server = connect(Number(port) || (protocol.startsWith('redis') ? 6379 : 5432), hostname);
    const pair = [client, server] as const;
    this.pairs.add(pair);
    server.on('error', () => client.destroy());
    client.on('data', (data) => this.pass(this.spoilListen(data), server));
    const late: Buffer[] = [];
    server.on('data', (data) => {
      if (this.fault === 'late answers' && (late.length > 0 || data.includes(READY))) late.push(data);
      else this.pass(data, client);
    });
    server.once('end', () => client.write(Buffer.concat(late)));
    for (const [from, to] of [pair, [server, client]] as const) {
      from.on('end', () => this.fault === 'black hole' || to.end());
      from.on('close', () => {
        if (this.fault === 'black hole') return; // the other side is not notified
        this.pairs.delete(pair);
        to.destroy();
      });
    }
  }

  private pass(data: Buffer, to: Socket): void {
    if (this.fault !== 'black hole') to.write(data);
  }

  /** Replaces LISTEN by a word of the same length that the server rejects, or that is another command. */
  private spoilListen(data: Buffer): Buffer {
    const word = { 'LISTEN refused': 'REFUSE', 'LISTEN lost': 'NOTIFY' }[this.fault as string];
    if (word === undefined) return data;
    return Buffer.from(data.toString('latin1').replace('LISTEN "', `${word} "`), 'latin1');
  }
}
