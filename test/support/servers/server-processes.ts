import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { eventually } from '../waiting.js';
import { withClient } from './database-servers.js';
import { freePort, serverAccount, serverFolder, systemProgram } from './installed-programs.js';

const PGBOUNCER = systemProgram('pgbouncer');
const REDIS = systemProgram('redis-server');

export const pgbouncerIsInstalled = PGBOUNCER !== undefined;
export const redisIsInstalled = REDIS !== undefined;

/** A server program that a test starts, kills and starts again. */
abstract class ServerProcess {
  protected process: ChildProcess | null = null;

  protected async spawn(program: string, args: string[]): Promise<void> {
    const account = await serverAccount();
    this.process = spawn(program, args, {
      cwd: '/tmp',
      stdio: 'ignore',
      ...(account && { uid: account.uid, gid: account.gid }),
    });
  }

  /** Kills it, which ends every connection to it. */
  async stop(): Promise<void> {
    const { process } = this;
    this.process = null;
    if (process?.exitCode !== null || process.signalCode !== null) return; // it has ended already, e.g. by Ctrl-C
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  }
}

/** When pgbouncer may give a session of the server to another client. */
export type PoolMode = 'session' | 'transaction' | 'statement';

/** A pgbouncer in front of one database, with its default settings except for the mode. */
export class PgBouncer extends ServerProcess {
  private constructor(
    /** Address of the database through it. */
    readonly url: string,
    private readonly folder: string,
  ) {
    super();
  }

  /**
   * Configures and starts a pgbouncer.
   *
   * @param url of the database, with the user and password that clients have as well.
   * @param poolSize maximum number of sessions with the server; pgbouncer's own default is 20.
   */
  static async start(url: string, mode: PoolMode, poolSize = 20): Promise<PgBouncer> {
    const account = await serverAccount();
    const folder = await serverFolder('pgbouncer', account);
    const server = new URL(url);
    const port = await freePort();
    const quoted = (text: string): string => `"${decodeURIComponent(text).replaceAll('"', '""')}"`;
    await writeFile(
      join(folder, 'pgbouncer.ini'),
      `[databases]
* = host=${server.hostname} port=${server.port || '5432'}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${join(folder, 'users')}
pool_mode = ${mode}
default_pool_size = ${poolSize}
admin_users = ${decodeURIComponent(server.username)}
`,
    );
    await writeFile(join(folder, 'users'), `${quoted(server.username)} ${quoted(server.password)}\n`);
    const through = Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) });
    const bouncer = new PgBouncer(through.href, folder);
    await bouncer.start();
    return bouncer;
  }

  async start(): Promise<void> {
    await this.spawn(PGBOUNCER as string, ['-q', join(this.folder, 'pgbouncer.ini')]);
    await eventually(() => withClient(this.url, (client) => client.query('SELECT 1')).catch(unlessRefused));
  }

  /** Process ids of its sessions with the server, in use or not. */
  async backends(): Promise<number[]> {
    // Not connectTo(): pgbouncer's console does not know the parameters that the product sets.
    const console = new pg.Client({
      connectionString: Object.assign(new URL(this.url), { pathname: '/pgbouncer' }).href,
    });
    await console.connect();
    try {
      const { rows } = await console.query<{ remote_pid: number }>('SHOW SERVERS');
      return rows.map((row) => row.remote_pid);
    } finally {
      await console.end();
    }
  }

  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Any error other than a refused connection means that pgbouncer is up. */
function unlessRefused(error: unknown): void {
  if ((error as { code?: string }).code === 'ECONNREFUSED') throw error;
}

/** A Redis of one test. A restart deletes its data. */
export class RedisServer extends ServerProcess {
  /** For the tests' own commands. */
  readonly client: Redis;

  private constructor(private readonly port: number) {
    super();
    this.client = new Redis(this.url, {
      lazyConnect: true,
      maxRetriesPerRequest: 3,
      retryStrategy: () => 50,
    });
    this.client.on('error', () => undefined);
  }

  static async start(): Promise<RedisServer> {
    const redis = new RedisServer(await freePort());
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Keys of locks, sorted. */
  async locks(): Promise<string[]> {
    return (await this.client.keys('*_lock')).sort();
  }

  /** Makes it reject writes, like a Redis that has reached maxmemory. */
  async fill(): Promise<void> {
    await this.client.config('SET', 'maxmemory', '1');
  }

  /** Makes it reject writes, like the replica of an unreachable primary. */
  async makeReplica(): Promise<void> {
    await this.client.replicaof('127.0.0.1', '1');
  }

  /** Undoes fill() and makeReplica(). */
  async acceptWrites(): Promise<void> {
    await this.client.config('SET', 'maxmemory', '0');
    await this.client.replicaof('NO', 'ONE');
  }

  async start(): Promise<void> {
    const port = String(this.port);
    await this.spawn(REDIS as string, ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']); // prettier-ignore
    await eventually(() => this.client.ping());
  }

  /** Suspends it: it keeps its connections and answers nothing until resume(). */
  suspend(): void {
    this.process?.kill('SIGSTOP');
  }

  resume(): void {
    this.process?.kill('SIGCONT');
  }

  async destroy(): Promise<void> {
    this.client.disconnect();
    await this.stop();
  }
}
