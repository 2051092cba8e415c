import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { eventually } from './shown.js';
import { freePort } from './free-port.js';
import { serverAccount } from './system-programs.js';

/** Whether there is a Redis that tests can start. */
export const redisIsInstalled = ((): boolean => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** A Redis of a test's own, which it may stop and start again: always empty then. */
export class RedisServer {
  private process: ChildProcess | null = null;
  /** For what the tests look at. */
  readonly client: Redis;

  private constructor(private readonly port: number) {
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

  /** Keys of locks, sorted; not those that only say whose keys they are, or when something was. */
  async locks(): Promise<string[]> {
    return (await this.client.keys('*_lock')).sort();
  }

  /** Refuses writes as one that is full does. */
  async fill(): Promise<void> {
    await this.client.config('SET', 'maxmemory', '1');
  }

  /** Refuses writes as a replica does, of a primary that is not there. */
  async makeReplica(): Promise<void> {
    await this.client.replicaof('127.0.0.1', '1');
  }

  /** Ends what fill() and makeReplica() did. */
  async takeWrites(): Promise<void> {
    await this.client.config('SET', 'maxmemory', '0');
    await this.client.replicaof('NO', 'ONE');
  }

  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const account = await serverAccount();
    this.process = spawn('redis-server', options, {
      stdio: 'ignore',
      cwd: '/tmp',
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    await eventually(() => this.client.ping());
  }

  /** Ends it at once, as a crash does. */
  async stop(): Promise<void> {
    const { process } = this;
    this.process = null;
    if (process?.exitCode !== null || process.signalCode !== null) return; // Ctrl-C ends it, too
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  }

  /** It keeps its connections, and answers nothing until it goes on. */
  hang(): void {
    this.process?.kill('SIGSTOP');
  }

  goOn(): void {
    this.process?.kill('SIGCONT');
  }

  async destroy(): Promise<void> {
    this.client.disconnect();
    await this.stop();
  }
}
