import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A report of one key, as Apple's servers return it. */
export interface UpstreamReport {
  id: string;
  payload: string;
  datePublished: number;
}

/** A recorded request to the endpoint. */
export interface Call {
  ids: string[];
  days: number | undefined;
  authorization: string | undefined;
}

/**
 * How the endpoint fails, in place of an answer.
 *
 * - `no-answer`: closes the connection without sending anything, as the real endpoint does where it intends 501 or 504.
 * - `never-ends`: sends headers, then one byte at a time. `flood`: sends headers, then data without end.
 * - `hangs`: sends nothing and keeps the connection open.
 */
export type Fault =
  | 'no-answer' | 'hangs' | 'never-ends' | 'flood' | 'cut' | 'empty' | 'no-json' | 'apple-says-no'
  | { status: number }; // prettier-ignore

/**
 * A fake of macless-haystack's endpoint (endpoint/mh_endpoint.py), which uses Python's http.server: HTTP/1.0, one
 * request at a time, no Content-Length, and the end of the connection as the end of the answer. Writes raw bytes,
 * because Node's http server would send correct HTTP/1.1.
 */
export class FakeFindMy {
  readonly calls: Call[] = [];
  readonly reports: UpstreamReport[] = [];
  /** Each call uses up one fault; once none is left, calls succeed. */
  readonly faults: Fault[] = [];
  /** Chooses the fault of a call by its ids; takes precedence over `faults`. */
  faultOf: ((ids: readonly string[]) => Fault | undefined) | undefined;
  /** Added to every answer, whatever was requested. */
  readonly extra: unknown[] = [];
  user: string | undefined;
  password: string | undefined;
  /** Delay of each answer. */
  delayMs = 0;
  private readonly sockets = new Set<Socket>();
  private queue: Promise<void> = Promise.resolve();

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined); // the client may be gone
      this.read(socket);
    });
  }

  static async start(): Promise<FakeFindMy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeFindMy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private read(socket: Socket): void {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      if (end < 0 || text.length < end + 4 + length) return;
      socket.removeAllListeners('data');
      const head = text.slice(0, end);
      const body = text.slice(end + 4);
      this.queue = this.queue.then(() => this.handle(socket, head, body)); // one request at a time, like the real endpoint
    });
  }

  private async handle(socket: Socket, head: string, body: string): Promise<void> {
    const authorization = /\r\nauthorization: *(.*)/i.exec(head)?.[1];
    if (!this.accepts(authorization)) {
      socket.end(`${statusLine(401)}WWW-Authenticate: Basic realm="Auth Realm"\r\n\r\n`);
      return;
    }
    if (head.startsWith('GET')) {
      socket.end(`${statusLine(200)}Content-type: text/plain\r\n\r\nNothing to see here`);
      return;
    }
    const { ids, days } = JSON.parse(body) as { ids: string[]; days?: number };
    this.calls.push({ ids, days, authorization });
    const fault = this.faultOf?.(ids) ?? this.faults.shift();
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (fault !== undefined) fail(socket, fault);
    else socket.end(`${statusLine(200)}\r\n${this.answer(ids, days ?? 7)}`);
  }

  private accepts(authorization: string | undefined): boolean {
    if (this.user === undefined) return true;
    const expected = Buffer.from(`${this.user}:${this.password ?? ''}`).toString('base64');
    return authorization === `Basic ${expected}`;
  }

  /** Newest first; of reports with the same second only the last, because the endpoint keys them by second. */
  private answer(ids: readonly string[], days: number): string {
    const floor = Date.now() / 1000 - days * 86_400;
    const bySecond = new Map<number, UpstreamReport>();
    for (const report of this.reports) {
      const second = Buffer.from(report.payload, 'base64').readUInt32BE(0) + 978_307_200;
      if (ids.includes(report.id) && second > floor) bySecond.set(second, report);
    }
    const results = [...bySecond].sort(([a], [b]) => b - a).map(([, report]) => report);
    return answerOf([
      ...results.map((report) => ({ ...report, description: 'found', statusCode: 0 })),
      ...this.extra,
    ]);
  }
}

function answerOf(results: unknown[], statusCode = '200'): string {
  return JSON.stringify({ results, statusCode });
}

function statusLine(status: number): string {
  return `HTTP/1.0 ${status} Whatever\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\nAccess-Control-Allow-Origin: *\r\n`;
}

function fail(socket: Socket, fault: Fault): void {
  if (typeof fault === 'object') {
    socket.end(`${statusLine(fault.status)}\r\n`);
    return;
  }
  const begin = `${statusLine(200)}\r\n`;
  switch (fault) {
    case 'no-answer':
      socket.end();
      return;
    case 'hangs':
      return;
    case 'never-ends':
      drip(socket, `${begin}{"results": [`, ' ', 20);
      return;
    case 'flood':
      drip(socket, `${begin}{"results": [`, ' '.repeat(1024 * 1024), 0);
      return;
    case 'cut':
      socket.end(`${begin}${answerOf([{ id: 'x', payload: 'AAAA' }]).slice(0, -12)}`);
      return;
    case 'empty':
      socket.end(begin);
      return;
    case 'no-json':
      socket.end(`${begin}<html>Service Unavailable</html>`);
      return;
    case 'apple-says-no':
      socket.end(`${begin}${answerOf([], '500')}`);
      return;
  }
}

/** Writes repeatedly until the client disconnects. */
function drip(socket: Socket, begin: string, more: string, everyMs: number): void {
  socket.write(begin);
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else if (!socket.writableNeedDrain) socket.write(more);
  }, everyMs);
}
