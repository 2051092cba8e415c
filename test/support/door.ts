import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server that a test closes and opens again: to whoever goes through it the server is gone meanwhile. */
export class Door {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  private constructor(
    /** Address of the server through this door. */
    readonly url: string,
    private readonly behind: URL,
    private readonly port: number,
  ) {}

  /** @param url of the server, e.g. `redis://127.0.0.1:6379`. */
  static async to(url: string): Promise<Door> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const address = Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) });
    const door = new Door(address.href, new URL(url), port);
    await door.open();
    return door;
  }

  async open(): Promise<void> {
    const defaultPort = this.behind.protocol.startsWith('redis') ? 6379 : 5432;
    this.server = createServer((inside) => {
      const outside = connect(Number(this.behind.port) || defaultPort, this.behind.hostname);
      for (const [socket, other] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        this.sockets.add(socket);
        socket.on('error', () => undefined); // either side may break off; the other hears of it by 'close'
        socket.on('close', () => {
          this.sockets.delete(socket);
          other.destroy();
        });
      }
      inside.pipe(outside).pipe(inside);
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** Breaks every connection, and refuses new ones. */
  async close(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
