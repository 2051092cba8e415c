import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
// From the build: jest maps `.js` to `.ts` for test files only. `npm test` builds first.
import { startEmbeddedCluster } from '../../dist/src/embedded/embedded-cluster.js';

/**
 * Prepares one server of each engine for all test files: TEST_DATABASE_URL, or an embedded one that is removed afterwards,
 * and TEST_TIMESCALE_URL.
 */
export default async function globalSetup() {
  const run = randomBytes(4).toString('hex');
  process.env.TRACKER_TEST_RUN = run; // read by test/support/servers/database-servers.ts
  const servers = [];
  let stop = async () => undefined;
  globalThis.endTestServers = async () => {
    for (const server of servers) await dropOwner(server);
    await stop();
  };

  const { TEST_ENGINE, TEST_DATABASE_URL, TEST_TIMESCALE_URL } = process.env;
  if (TEST_ENGINE !== 'timescaledb') {
    let url = TEST_DATABASE_URL;
    if (!url) ({ url, stop } = await startEmbedded());
    servers.push(await prepare('postgresql', url, run));
  }
  if (TEST_TIMESCALE_URL && TEST_ENGINE !== 'postgresql') {
    servers.push(await prepare('timescaledb', TEST_TIMESCALE_URL, run));
  }
  process.env.TRACKER_TEST_SERVERS = JSON.stringify(servers); // read by test/support/servers/database-servers.ts
}

async function startEmbedded() {
  const dataDir = mkdtempSync(join(tmpdir(), 'tracker-test-'));
  chmodSync(dataDir, 0o755); // the server runs as another user if the tests run as root
  const cluster = await startEmbeddedCluster({
    dataDir,
    settings: {
      fsync: 'off',
      full_page_writes: 'off',
      max_connections: '200',
      max_prepared_transactions: '10',
    },
  });
  return {
    url: cluster.url,
    stop: async () => {
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Creates the role that owns the test databases, and prints the server's versions. */
async function prepare(engine, admin, run) {
  const owner = { name: `tracker_tests_${engine}_${run}`, password: randomBytes(18).toString('hex') };
  return withClient(admin, async (client) => {
    await client.query(
      `CREATE ROLE ${owner.name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '${owner.password}'`,
    );
    const { rows } = await client.query(
      `SELECT split_part(current_setting('server_version'), ' ', 1) AS server,
         current_setting('max_prepared_transactions')::int > 0 AS prepares,
         (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS timescaledb,
         (SELECT default_version FROM pg_available_extensions WHERE name = 'postgis') AS postgis`,
    );
    const [{ server, prepares, timescaledb, postgis }] = rows;
    const versions = [
      `PostgreSQL ${server}`,
      ...(engine === 'timescaledb' ? [`TimescaleDB ${timescaledb}`] : []),
      postgis === null ? 'built-in spatial layer' : `PostGIS ${postgis}`,
    ];
    process.stderr.write(`engine ${engine}: ${versions.join(', ')}\n`); // .ci/run repeats it in its summary
    const majorVersion = Number.parseInt(server, 10);
    return { engine, admin, owner, postgis: postgis !== null, prepares, majorVersion };
  });
}

/** Drops the role and its databases: the templates, and those that failed tests left. */
async function dropOwner({ admin, owner }) {
  await withClient(admin, async (client) => {
    const { rows } = await client.query('SELECT datname FROM pg_database WHERE datdba = $1::regrole', [
      owner.name,
    ]);
    for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
    await client.query(`DROP ROLE ${owner.name}`);
  });
}

async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // its next statement fails then
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
