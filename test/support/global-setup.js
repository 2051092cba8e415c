import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
// From the build: jest maps `.js` to `.ts` for test files only. `npm test` builds first.
import { startEmbeddedCluster } from '../../dist/src/embedded/embedded-cluster.js';

/** One server for all test files: TEST_DATABASE_URL, or an embedded one that is gone afterwards. */
export default async function globalSetup() {
  const servers = [];
  let stop = async () => undefined;
  if (process.env.TEST_DATABASE_URL) {
    servers.push({ engine: 'postgresql', url: process.env.TEST_DATABASE_URL });
  } else {
    const dataDir = mkdtempSync(join(tmpdir(), 'tracker-test-'));
    chmodSync(dataDir, 0o755); // as root the server runs as another user, who must get in
    const cluster = await startEmbeddedCluster({
      dataDir,
      settings: { fsync: 'off', full_page_writes: 'off', max_connections: '200' },
    });
    servers.push({ engine: 'postgresql', url: cluster.url });
    stop = async () => {
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    };
  }
  if (process.env.TEST_TIMESCALE_URL && process.env.TEST_ENGINE !== 'postgresql') {
    servers.push({ engine: 'timescaledb', url: process.env.TEST_TIMESCALE_URL });
  }
  for (const server of servers) {
    server.postgis = await hasPostgis(server.url);
    server.majorVersion = await majorVersionOf(server.url);
  }
  process.env.TRACKER_TEST_SERVERS = JSON.stringify(servers); // read by test/support/servers.ts

  const run = randomBytes(4).toString('hex');
  process.env.TRACKER_TEST_RUN = run; // read by test/support/template.ts
  globalThis.endTestServers = async () => {
    for (const { url } of servers) await dropTemplates(url, run);
    await stop();
  };
}

async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // what breaks it is told by the statement that fails then
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function hasPostgis(url) {
  const { rowCount } = await withClient(url, (client) =>
    client.query(`SELECT FROM pg_available_extensions WHERE name = 'postgis'`),
  );
  return rowCount === 1;
}

async function majorVersionOf(url) {
  const { rows } = await withClient(url, (client) =>
    client.query(`SELECT current_setting('server_version_num')::int / 10000 AS major`),
  );
  return rows[0].major;
}

async function dropTemplates(url, run) {
  await withClient(url, async (client) => {
    const { rows } = await client.query('SELECT datname FROM pg_database WHERE datname LIKE $1', [
      `template_${run}_%`,
    ]);
    for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
  });
}
