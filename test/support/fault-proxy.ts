import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What the proxy does to what passes through it. */
export type Fault =
  | 'none'
  /** Nothing passes any more, and nobody is told: as when a firewall forgets a connection, or a cable is pulled. */
  | 'black hole'
  /** The server answers LISTEN with an error, as a hot standby does. */
  | 'LISTEN refused'
  /** LISTEN seems to succeed and does nothing, as behind a pooler in transaction mode. */
  | 'LISTEN lost'
  /** That the server is ready comes when it ends the connection, and all that it says from then on, at once. */
  | 'late answers'
  /** Connections are ended at once, as by a server that is down. */
  | 'down';

/** ReadyForQuery, outside of a transaction. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** Stands between a client and a server, and does to their connections what networks and servers do. */
export class FaultProxy {
  private readonly server: Server;
  private readonly pairs = new Set<[Socket, Socket]>();
  private fault: Fault = 'none';
  /** Connections that clients opened until now. */
  accepted = 0;

  private constructor(private target: { host: string; port: number }) {
    this.server = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
  }

  /** @param url of the server. */
  static async start(url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetOf(url));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  /** The server's address, as it is reached through the proxy. */
  through(url: string): string {
    const { port } = this.server.address() as AddressInfo;
    const proxied = new URL(url);
    proxied.hostname = '127.0.0.1';
    proxied.port = String(port);
    return proxied.href;
  }

  /** New connections go to another server from now on. */
  retarget(url: string): void {
    this.target = targetOf(url);
  }

  /** From now on; of connections that are open, by a black hole and by 'down'. None outlives either. */
  inject(fault: Fault): void {
    if (fault === 'down' || this.fault === 'black hole') this.cut();
    this.fault = fault;
  }

  /** Ends all connections; new ones are accepted. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
    this.pairs.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: Socket): void {
    this.accepted += 1;
    client.on('error', () => undefined);
    if (this.fault === 'down') {
      client.destroy();
      return;
    }
    const server = connect(this.target);
    const pair: [Socket, Socket] = [client, server];
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
        if (this.fault === 'black hole') return; // the other end never hears of it
        this.pairs.delete(pair);
        to.destroy();
      });
    }
  }

  private pass(data: Buffer, to: Socket): void {
    if (this.fault !== 'black hole') to.write(data);
  }

  /** Another word of the same length, which the server refuses by a real error, or takes for something else. */
  private spoilListen(data: Buffer): Buffer {
    const word = { 'LISTEN refused': 'REFUSE', 'LISTEN lost': 'NOTIFY' }[this.fault as string];
    if (word === undefined) return data;
    return Buffer.from(data.toString('latin1').replace('LISTEN "', `${word} "`), 'latin1');
  }
}

function targetOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port || 5432) };
}
