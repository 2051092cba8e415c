import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseUrl, serverOf, type TestServer } from '../support/servers/database-servers.js';
import { type Ended, runCli, runServer } from '../support/processes.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

/** A server that accepts connections and never answers, as behind a firewall or on a stopped machine. */
async function silentServer(): Promise<{ port: number; server: Server }> {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port };
}

describe('a start with a wrong configuration', () => {
  it('names every problem, and shows no secret', async () => {
    const { code, stdout, stderr } = await runServer({
      PORT: 'abc',
      HOURLY_RETENTION_HOURS: '96',
      DATABASE_URL: 'mysql://root:geheim@localhost/x',
      REDIS_URL: 'geheim',
      LOG_FORMAT: 'xml',
    });
    expect(stderr.trimEnd().split('\n')).toEqual([
      'BAD_CONFIGURATION: The configuration is wrong:',
      '  PORT must be an integer number (got "abc")',
      '  LOG_FORMAT must be one of the following values: text, json (got "xml")',
      '  DATABASE_URL must begin with postgresql:// or postgres://',
      '  REDIS_URL must be a URL address',
      expect.stringMatching(
        /^ {2}HOURLY_RETENTION_HOURS \(96\) is 4 days, longer than RAW_RETENTION_DAYS \(2\): hours/,
      ),
    ]);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });
});

describe('a start without a database', () => {
  const commands: [string, (env: Record<string, string>) => Promise<Ended>][] = [
    ['the server', runServer],
    ['tracker migrate', (env) => runCli(['migrate'], env)],
    ['tracker import', (env) => runCli(['import', '-'], env)],
    ['tracker demo', (env) => runCli(['demo'], env)],
  ];

  it.each(commands)('fails at once when the port is closed: %s', async (_name, run) => {
    const { code, stdout, stderr, ms } = await run({
      DATABASE_URL: 'postgres://me:geheim@127.0.0.1:1/x',
      PORT: '0',
    });
    expect(stderr).toBe(
      'UNAVAILABLE: DATABASE_URL cannot be connected to: connect ECONNREFUSED 127.0.0.1:1\n',
    );
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(ms).toBeLessThan(30_000); // no repeated attempts; the exact time is for a benchmark
  });

  it.each([
    ['a host that does not exist', 'no-such-host.invalid:5432', /ENOTFOUND no-such-host|EAI_AGAIN/],
    ['a host with two addresses', 'localhost:1', /ECONNREFUSED 127\.0\.0\.1:1/],
  ])('reports %s', async (_what, host, reason) => {
    const { code, stderr } = await runServer({ DATABASE_URL: `postgres://me:geheim@${host}/x` });
    expect(stderr).toMatch(/^UNAVAILABLE: DATABASE_URL cannot be connected to: [^\n]+\n$/);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain('geheim');
    expect(code).toBe(1);
  });

  it('gives up on a server that never answers', async () => {
    const { port, server } = await silentServer();
    const { code, stderr, ms } = await runServer({
      DATABASE_URL: `postgres://me:geheim@127.0.0.1:${port}/x`,
    });
    expect(stderr).toMatch(/^UNAVAILABLE: DATABASE_URL cannot be connected to: timeout[^\n]*\n$/);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(20_000);
    server.close();
  });
});

describeOnEveryEngine('a start on a database', (engine) => {
  it.each([
    ['that does not exist', { pathname: '/no_such_database' }, /database "no_such_database" does not exist/],
    [
      'that has no such user',
      { username: 'stranger', password: 'geheim' },
      /password authentication failed for user|role "stranger" does not exist/, // the latter with trust authentication
    ],
  ])('%s is UNAVAILABLE', async (_what, change, reason) => {
    const known = databaseUrl(serverOf(engine) as TestServer, 'postgres');
    const address = Object.assign(new URL(known), change).href;
    const { code, stdout, stderr } = await runServer({ DATABASE_URL: address });
    expect(stderr).toMatch(/^UNAVAILABLE: [^\n]+\n$/);
    expect(stderr).toMatch(reason);
    expect(`${stdout}${stderr}`).not.toMatch(/geheim/);
    expect(code).toBe(1);
  });

  describe('that is new', () => {
    let db: TestDatabase;
    beforeAll(async () => {
      db = await TestDatabase.create(engine, { empty: true });
    });
    afterAll(() => db.drop());

    it('fails and names tracker migrate, which then works', async () => {
      const env = { DATABASE_URL: db.url, HISTORY_ENGINE: engine, PORT: '0' };
      for (const { code, stderr } of [await runServer(env), await runCli(['import', '-'], env)]) {
        expect(stderr).toMatch(/^UNAVAILABLE: The database is not migrated yet\. Run: tracker migrate\n$/);
        expect(code).toBe(1);
      }
      const migrated = await runCli(['migrate'], env);
      expect(migrated.stdout).toMatch(/^ran /);
      expect(migrated.code).toBe(0);
      expect((await runCli(['migrate'], env)).stdout).toMatch(/^nothing to do; engine /);
    });

    it('fails with a one-line error when the port is in use', async () => {
      const { port, server } = await silentServer();
      const { code, stderr } = await runServer({
        DATABASE_URL: db.url,
        PORT: String(port),
        HISTORY_ENGINE: engine,
      });
      expect(stderr).toBe(
        `UNAVAILABLE: Cannot listen on HOST 127.0.0.1, PORT ${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
      );
      expect(code).toBe(1);
      server.close();
    });
  });
});
