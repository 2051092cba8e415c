import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { withClient } from './client.js';
import { freePort } from './free-port.js';
import { eventually } from './shown.js';
import { serverAccount, serverFolder, systemProgram } from './system-programs.js';

const program = systemProgram('pgbouncer');

export const pgbouncerIsInstalled = program !== undefined;

/** When a session of the server may go to another client. */
export type PoolMode = 'session' | 'transaction' | 'statement';

/** A pgbouncer before one database, with its defaults but for the mode. */
export class PgBouncer {
  private process: ChildProcess | null = null;

  private constructor(
    /** Address of the database through it. */
    readonly url: string,
    private readonly folder: string,
  ) {}

  /**
   * Starts one.
   *
   * @param url of the database, with the user and password that clients have as well.
   * @param poolSize sessions of the server that it gives at most; by default its own 20.
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
    const account = await serverAccount();
    this.process = spawn(program as string, ['-q', join(this.folder, 'pgbouncer.ini')], {
      cwd: '/',
      stdio: 'ignore',
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    await eventually(() => withClient(this.url, (client) => client.query('SELECT 1')).catch(unlessRefused));
  }

  /** Process ids of the sessions of the server that it has, in use or not. */
  async backends(): Promise<number[]> {
    // Not as the product connects: its console knows no parameters.
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

  /** Ends it at once, and with it every connection through it. */
  async stop(): Promise<void> {
    const { process } = this;
    this.process = null;
    if (process?.exitCode !== null || process.signalCode !== null) return; // Ctrl-C ends it, too
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  }

  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** It is there as soon as it refuses by itself, as in statement mode. */
function unlessRefused(error: unknown): void {
  if ((error as { code?: string }).code === 'ECONNREFUSED') throw error;
}
