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
/** The server trusts everybody; pgbouncer wants one. */
const PASSWORD = 'soak';
/** Of sessions that the fault "all sessions are terminated" leaves alone. */
const OBSERVER = 'soak observer';

/** The database, pgbouncer and Redis of a soak, which nobody else uses. */
export class Servers {
  private constructor(
    private readonly cluster: PostgresCluster,
    readonly bouncer: PgBouncer,
    readonly redis: RedisServer,
    /** Address of the database without pgbouncer. */
    readonly directUrl: string,
    /** For files. */
    readonly folder: string,
  ) {}

  /** @param cleanUp gets what ends each part, as soon as the part is there. */
  static async start(engine: HistoryEngine, cleanUp: (what: () => Promise<void>) => void): Promise<Servers> {
    const obstacle =
      clusterObstacle(engine) ??
      (pgbouncerIsInstalled ? undefined : 'pgbouncer is not installed') ??
      (redisIsInstalled ? undefined : 'redis-server is not installed');
    if (obstacle !== undefined) throw new Error(obstacle);
    const folder = await mkdtemp(join(tmpdir(), 'soak-'));
    cleanUp(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const cluster = await PostgresCluster.start(engine, { max_connections: '250', log_min_messages: 'log' });
    cleanUp(() => cluster.destroy());
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
    cleanUp(() => bouncer.destroy());
    const redis = await RedisServer.start();
    cleanUp(() => redis.destroy());
    return new Servers(cluster, bouncer, redis, directUrl, folder);
  }

  /** A session that no fault ends. */
  observe(): Promise<pg.Client> {
    const url = new URL(this.directUrl);
    url.searchParams.set('application_name', OBSERVER);
    return connectTo(url.href);
  }

  /** Runs a statement in the database on a session of its own. */
  async query<T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    const client = await this.observe();
    try {
      return (await client.query<T>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends every session of a client, also those that pgbouncer has. @returns how many. */
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
