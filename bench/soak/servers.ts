import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import {
  asAdministrator,
  connectTo,
  createEmpty,
  databaseUrl,
  type ServerAccess,
  withClient,
} from '../../test/support/servers/database-servers.js';
import {
  PgBouncer,
  pgbouncerIsInstalled,
  redisIsInstalled,
  RedisServer,
} from '../../test/support/servers/server-processes.js';
import { clusterObstacle, PostgresCluster } from '../../test/support/servers/postgres-cluster.js';

const DATABASE = 'soak';
/** The server needs no password, but pgbouncer does. */
const PASSWORD = 'soak';
/** application_name of sessions that the fault "all sessions are terminated" spares. */
const OBSERVER = 'soak observer';

/** The private database, pgbouncer and Redis of a soak. */
export class Servers {
  private constructor(
    private readonly cluster: PostgresCluster,
    readonly bouncer: PgBouncer,
    readonly redis: RedisServer,
    /** Address of the database without pgbouncer. */
    readonly directUrl: string,
    /** Folder for temporary files. */
    readonly folder: string,
  ) {}

  /** @param onExit registers the clean-up of each server as soon as it has started. */
  static async start(
    engine: HistoryEngine,
    onExit: (cleanUp: () => Promise<void>) => void,
  ): Promise<Servers> {
    const obstacle =
      clusterObstacle(engine) ??
      (pgbouncerIsInstalled ? undefined : 'pgbouncer is not installed') ??
      (redisIsInstalled ? undefined : 'redis-server is not installed');
    if (obstacle !== undefined) throw new Error(obstacle);
    const folder = await mkdtemp(join(tmpdir(), 'soak-'));
    onExit(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const cluster = await PostgresCluster.start(engine, { max_connections: '250', log_min_messages: 'log' });
    onExit(() => cluster.destroy());
    const { admin } = cluster.access;
    const access: ServerAccess = {
      admin,
      owner: { name: cluster.access.owner?.name ?? '', password: PASSWORD },
    };
    await withClient(admin, (client) =>
      createEmpty(client, access, DATABASE, { engine, env: {}, zone: undefined }),
    );
    const directUrl = databaseUrl(access, DATABASE);
    const bouncer = await PgBouncer.start(directUrl, 'transaction');
    onExit(() => bouncer.destroy());
    const redis = await RedisServer.start();
    onExit(() => redis.destroy());
    return new Servers(cluster, bouncer, redis, directUrl, folder);
  }

  /** Opens a session that no fault terminates. */
  observe(): Promise<pg.Client> {
    const url = new URL(this.directUrl);
    url.searchParams.set('application_name', OBSERVER);
    return connectTo(url.href);
  }

  /** Runs a statement in a new session that no fault terminates. */
  async query<T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    const client = await this.observe();
    try {
      return (await client.query<T>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Terminates all client sessions, including the sessions of pgbouncer. @returns their number. */
  async terminateSessions(): Promise<number> {
    return asAdministrator(this.cluster.access, async (admin) => {
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = $1 AND backend_type = 'client backend' AND application_name <> $2`,
        [DATABASE, OBSERVER],
      );
      return rowCount ?? 0;
    });
  }
}
