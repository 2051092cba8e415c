import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { freePort } from './free-port.js';
import { asAdministrator, type ServerAccess } from './servers.js';
import { eventually } from './shown.js';
import { findSystemServer, runAs, serverAccount, serverFolder } from './system-programs.js';

/** No password: the clusters trust everybody. */
const OWNER = { name: 'tracker_tests', password: '' };

const system = findSystemServer();

/** Why there can be no such server here; undefined when there can. */
export function clusterObstacle(engine: HistoryEngine): string | undefined {
  if (!system) return 'no PostgreSQL 15+ of the system (initdb and pg_ctl)';
  if (engine === 'timescaledb' && !system.timescaledb) return "the system's PostgreSQL has no TimescaleDB";
  return undefined;
}

/** A PostgreSQL server of a test's own, of the programs of the system. */
export class SystemCluster {
  private constructor(
    readonly access: ServerAccess,
    private readonly port: number,
    /** Where its unix socket is, and what a test puts there. */
    readonly folder: string,
    private readonly engine: HistoryEngine,
  ) {}

  static async start(engine: HistoryEngine, settings: Record<string, string> = {}): Promise<SystemCluster> {
    const cluster = await SystemCluster.create(engine);
    const { data } = cluster;
    await cluster.run('initdb', '-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'); // prettier-ignore
    await cluster.configure(settings);
    await cluster.control('start');
    await asAdministrator(cluster.access, (admin) => admin.query(`CREATE ROLE ${OWNER.name} LOGIN`));
    return cluster;
  }

  /** Starts a streaming standby of this one: with the same roles and databases. */
  async startStandby(): Promise<SystemCluster> {
    const standby = await SystemCluster.create(this.engine);
    const { data } = standby;
    await standby.run('pg_basebackup', '-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync', '-d', this.access.admin); // prettier-ignore
    await standby.configure({ primary_conninfo: `host=127.0.0.1 port=${this.port} user=postgres` });
    await standby.control('start');
    return standby;
  }

  private static async create(engine: HistoryEngine): Promise<SystemCluster> {
    const port = await freePort();
    const folder = await serverFolder('cluster', await serverAccount());
    const admin = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return new SystemCluster({ admin, owner: OWNER }, port, folder, engine);
  }

  /** Waits until the standby has everything that this one has committed until now. */
  async catchUp(standby: SystemCluster): Promise<void> {
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

  /** The server dies as in a crash. */
  async fail(): Promise<void> {
    await this.control('stop', '-m', 'immediate');
  }

  async promote(): Promise<void> {
    await this.control('promote');
  }

  async destroy(): Promise<void> {
    await this.fail().catch(() => undefined); // it may have failed already
    await rm(this.folder, { recursive: true, force: true });
  }

  private get data(): string {
    return join(this.folder, 'data');
  }

  private async run(program: string, ...args: string[]): Promise<void> {
    if (!system) throw new Error(clusterObstacle(this.engine));
    await runAs(await serverAccount(), join(system.binDir, program), args, {});
  }

  private control(...args: string[]): Promise<void> {
    return this.run('pg_ctl', '-D', this.data, '-w', '-s', '-l', join(this.folder, 'log'), ...args);
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
