import { execFileSync } from 'node:child_process';
import { chmod, chown } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/app-config.js';
import { createDataSource } from '../../src/database/data-source.js';
import { describeWithClusters } from '../support/engines.js';
import { asAdministrator, databaseUrl, withClient } from '../support/servers/database-servers.js';
import { PostgresCluster } from '../support/servers/postgres-cluster.js';
import { serverAccount, systemProgram } from '../support/servers/installed-programs.js';

const openssl = systemProgram('openssl');
const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

describeWithClusters('a database connection', (engine) => {
  let cluster: PostgresCluster;
  let port = '';
  let user = '';

  beforeAll(async () => {
    cluster = await PostgresCluster.start(engine, {
      listen_addresses: hasIpv6 ? '127.0.0.1,::1' : '127.0.0.1',
    });
    const address = new URL(databaseUrl(cluster.access, 'postgres'));
    port = address.port;
    user = address.username;
    await chmod(cluster.folder, 0o755); // its socket is open to every user
  });
  afterAll(() => cluster.destroy());

  const over = (parameters: string, host = '127.0.0.1'): string =>
    `postgresql://${user}@${host}:${port}/postgres${parameters && `?${parameters}`}`;

  /** Whether a connection is encrypted. */
  const isEncrypted = (url: string): Promise<boolean> =>
    withClient(url, async (client) => {
      const sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
      return (await client.query<{ ssl: boolean }>(sql)).rows[0]?.ssl === true;
    });

  it('may use a unix socket, with every form of address and any sslmode', async () => {
    const folder = encodeURIComponent(cluster.folder);
    for (const url of [
      `postgresql:///postgres?host=${cluster.folder}&port=${port}&user=${user}`,
      `postgresql://${user}@/postgres?host=${folder}&port=${port}&sslmode=require`,
      `postgresql://${user}@${folder}:${port}/postgres?sslmode=prefer`,
    ]) {
      expect(await isEncrypted(url)).toBe(false);
      const config = loadConfig({ DATABASE_URL: url });
      const dataSource = await createDataSource(config, url).initialize();
      expect(await dataSource.query('SELECT inet_client_addr() AS address')).toEqual([{ address: null }]);
      await dataSource.destroy();
    }
  });

  const itOverIpv6 = hasIpv6 ? it : it.skip;
  itOverIpv6(`may use IPv6 in brackets${hasIpv6 ? '' : ' [skipped: this machine has no ::1]'}`, async () => {
    const url = over('', '[::1]');
    expect(loadConfig({ DATABASE_URL: url }).DATABASE_URL).toBe(url);
    expect(await isEncrypted(url)).toBe(false);
  });

  describe('without TLS', () => {
    it.each(['disable', 'allow', 'prefer'])('connects with sslmode=%s', async (mode) => {
      expect(await isEncrypted(over(`sslmode=${mode}`))).toBe(false);
    });

    it.each(['require', 'no-verify', 'verify-full'])('fails with sslmode=%s', async (mode) => {
      await expect(isEncrypted(over(`sslmode=${mode}`))).rejects.toThrow('does not support SSL');
    });
  });

  const describeWithTls = openssl === undefined ? describe.skip : describe;
  const reason = openssl === undefined ? ' [skipped: openssl is not installed]' : '';
  describeWithTls(`with a self-signed certificate${reason}`, () => {
    let certificate = '';
    let other = '';

    beforeAll(async () => {
      certificate = await newCertificate('server');
      other = await newCertificate('other');
      await asAdministrator(cluster.access, async (admin) => {
        await admin.query(`ALTER SYSTEM SET ssl_cert_file = '${certificate}'`);
        await admin.query(`ALTER SYSTEM SET ssl_key_file = '${certificate.replace('.crt', '.key')}'`);
        await admin.query('ALTER SYSTEM SET ssl = on');
        await admin.query('SELECT pg_reload_conf(), pg_sleep(1)');
      });
    });

    async function newCertificate(name: string): Promise<string> {
      const file = (ending: string): string => join(cluster.folder, `${name}.${ending}`);
      const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost'];
      const files = ['-out', file('crt'), '-keyout', file('key')];
      execFileSync(
        openssl as string,
        ['req', '-new', '-x509', '-days', '2', '-nodes', ...subject, ...files],
        { stdio: 'ignore' },
      );
      const account = await serverAccount();
      await chmod(file('key'), 0o600);
      if (account) for (const ending of ['crt', 'key']) await chown(file(ending), account.uid, account.gid);
      return file('crt');
    }

    it.each([
      ['disable', false],
      ['allow', true],
      ['prefer', true],
      ['require', true],
      ['no-verify', true],
    ])('connects with sslmode=%s; encrypted: %s', async (mode, encrypted) => {
      expect(await isEncrypted(over(`sslmode=${mode}`))).toBe(encrypted);
    });

    it('verifies the certificate with sslmode=verify-full, verify-ca and, if sslrootcert is set, require', async () => {
      await expect(isEncrypted(over('sslmode=verify-full', 'localhost'))).rejects.toThrow(
        'self-signed certificate',
      );
      for (const mode of ['verify-ca', 'verify-full', 'require']) {
        expect(await isEncrypted(over(`sslmode=${mode}&sslrootcert=${certificate}`, 'localhost'))).toBe(true);
        await expect(isEncrypted(over(`sslmode=${mode}&sslrootcert=${other}`, 'localhost'))).rejects.toThrow(
          'self-signed',
        );
      }
    });

    it('verifies the host name with sslmode=verify-full only', async () => {
      const trusted = `sslrootcert=${certificate}`;
      await expect(isEncrypted(over(`sslmode=verify-full&${trusted}`))).rejects.toThrow(/does not match/);
      expect(await isEncrypted(over(`sslmode=verify-ca&${trusted}`))).toBe(true);
    });
  });
});
