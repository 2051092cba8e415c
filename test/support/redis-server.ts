import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually } from './shown.js';
import { freePort } from './free-port.js';

/** Whether there is a Redis that tests can start. */
export const redisIsInstalled = ((): boolean => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Runs tests that start and stop a Redis of their own; skipped, with the reason, where there is none to start. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (redisIsInstalled) describe(name, tests);
  else describe.skip(`${name} [skipped: redis-server is not installed]`, tests);
}

/**
 * A Redis for tests that only use it: the one of TEST_REDIS_URL, else one that is started for them. Skipped, with the
 * reason, where there is neither.
 */
export function itWithRedis(name: string, test: (url: string) => Promise<void>): void {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined) it(name, () => test(given));
  else if (!redisIsInstalled)
    it.skip(`${name} [skipped: TEST_REDIS_URL is not set, and redis-server is not installed]`, () =>
      undefined);
  else
    it(name, async () => {
      const redis = await RedisServer.start();
      await test(redis.url).finally(() => redis.destroy());
    });
}

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
    this.process = spawn('redis-server', options, { stdio: 'ignore', cwd: '/tmp' });
    await eventually(() => this.client.ping());
  }

  /** Ends it at once, as a crash does. */
  async stop(): Promise<void> {
    if (!this.process) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
    this.process = null;
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
