import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { eventually } from '../waiting.js';
import { asAdministrator, type ServerAccess } from './database-servers.js';
import {
  freePort,
  OLDEST_SERVER,
  runAs,
  serverAccount,
  serverFolder,
  systemServer,
} from './installed-programs.js';

/** No password: the clusters trust every connection. */
const OWNER = { name: 'tracker_tests', password: '' };

/** The reason why no cluster can be started here; undefined if one can. */
export function clusterObstacle(engine: HistoryEngine): string | undefined {
  const server = systemServer();
  if (!server) return `no PostgreSQL ${OLDEST_SERVER}+ of the system (initdb and pg_ctl)`;
  if (engine === 'timescaledb' && !server.timescaledb) return "the system's PostgreSQL has no TimescaleDB";
  return undefined;
}

/** A PostgreSQL server of one test, started from the installed programs. */
export class PostgresCluster {
  private constructor(
    readonly access: ServerAccess,
    private readonly port: number,
    /** Folder of its unix socket, and of files that belong to it. */
    readonly folder: string,
    private readonly engine: HistoryEngine,
    private readonly environment: Record<string, string>,
  ) {}

  /**
   * Creates and starts a cluster.
   *
   * @param settings of postgresql.conf.
   * @param environment returns the variables of its programs, once its folder exists.
   */
  static async start(
    engine: HistoryEngine,
    settings: Record<string, string> = {},
    environment?: (folder: string) => Promise<Record<string, string>>,
  ): Promise<PostgresCluster> {
    const cluster = await PostgresCluster.create(engine, environment);
    const { data } = cluster;
    await cluster.run('initdb', '-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'); // prettier-ignore
    await cluster.configure(settings);
    await cluster.control('start').catch(async (error: unknown) => {
      const log = await readFile(cluster.log, 'utf8').catch(() => '');
      await rm(cluster.folder, { recursive: true, force: true });
      throw new Error(`${String(error)}\n${log}`);
    });
    await asAdministrator(cluster.access, (admin) => admin.query(`CREATE ROLE ${OWNER.name} LOGIN`));
    return cluster;
  }

  /** Starts a streaming standby of this server, with the same roles and databases. */
  async startStandby(): Promise<PostgresCluster> {
    const standby = await PostgresCluster.create(this.engine);
    const { data } = standby;
    await standby.run('pg_basebackup', '-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync', '-d', this.access.admin); // prettier-ignore
    await standby.configure({ primary_conninfo: `host=127.0.0.1 port=${this.port} user=postgres` });
    await standby.control('start');
    return standby;
  }

  private static async create(
    engine: HistoryEngine,
    environment?: (folder: string) => Promise<Record<string, string>>,
  ): Promise<PostgresCluster> {
    const port = await freePort();
    const folder = await serverFolder('cluster', await serverAccount());
    const admin = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const variables = (await environment?.(folder)) ?? {};
    return new PostgresCluster({ admin, owner: OWNER }, port, folder, engine, variables);
  }

  /** Waits until the standby has replayed everything that this server has committed so far. */
  async catchUp(standby: PostgresCluster): Promise<void> {
    const { rows } = await asAdministrator(this.access, (admin) =>
      admin.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn'),
    );
    await eventually(() =>
      asAdministrator(standby.access, async (admin) => {
        const { rowCount } = await admin.query('SELECT WHERE pg_last_wal_replay_lsn() >= $1::pg_lsn', [
          rows[0]?.lsn,
        ]);
        if (rowCount !== 1) throw new Error('the standby is behind');
      }),
    );
  }

  /** Stops the server as a crash does. */
  async crash(): Promise<void> {
    await this.control('stop', '-m', 'immediate');
  }

  /** Crashes the server and starts it again: it recovers, and every session is gone. */
  async crashAndRestart(): Promise<void> {
    await this.control('restart', '-m', 'immediate');
  }

  async promote(): Promise<void> {
    await this.control('promote');
  }

  async destroy(): Promise<void> {
    await this.crash().catch(() => undefined); // it may have crashed already
    await rm(this.folder, { recursive: true, force: true });
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  private get log(): string {
    return join(this.folder, 'log');
  }

  private async run(program: string, ...args: string[]): Promise<void> {
    const server = systemServer();
    if (!server) throw new Error(clusterObstacle(this.engine));
    await runAs(await serverAccount(), join(server.binDir, program), args, this.environment);
  }

  private control(...args: string[]): Promise<void> {
    return this.run('pg_ctl', '-D', this.data, '-w', '-s', '-l', this.log, ...args);
  }

  private async configure(settings: Record<string, string>): Promise<void> {
    const all = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.folder,
      unix_socket_permissions: '0777',
      fsync: 'off',
      max_worker_processes: '32',
      ...(this.engine === 'timescaledb' && {
        shared_preload_libraries: 'timescaledb',
        'timescaledb.telemetry_level': 'off',
      }),
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`);
    await writeFile(join(this.data, 'postgresql.auto.conf'), lines.join(''));
  }
}
