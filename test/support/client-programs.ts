import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { HistoryEngine } from '../../src/config/env.schema.js';
import { allServers } from './servers.js';
import type { TestDatabaseOptions } from './test-database.js';

const NEEDED = ['pg_dump', 'pg_restore', 'psql', 'createdb', 'dropdb'];
const DEBIAN = '/usr/lib/postgresql';

/** A server that can be backed up here. */
export interface BackupServer {
  /** Address of its administrator. */
  admin: string;
  /** Makes a test's database there. */
  options: Pick<TestDatabaseOptions, 'server'>;
  /** Folder of the client programs of its version. */
  programs: string;
}

/**
 * Finds a server that can hold databases of an engine, and pg_dump and its kin for it. The engine's own server comes
 * first; the postgresql engine works on any other server of the run as well, and the embedded one has no client programs.
 *
 * @returns a text that says what is missing, where there is none.
 */
export function findBackupServer(engine: HistoryEngine): BackupServer | string {
  const usable = allServers().filter((server) => server.engine === engine || engine === 'postgresql');
  for (const server of usable) {
    const programs = findClientPrograms(server.majorVersion);
    if (programs === undefined) continue;
    return { admin: server.admin, options: server.engine === engine ? {} : { server }, programs };
  }
  if (usable.length === 0) return `no server for ${engine}`;
  const versions = usable.map(({ majorVersion }) => majorVersion).join(' or ');
  return `no pg_dump of PostgreSQL ${versions} in PATH or ${DEBIAN}`;
}

/**
 * The folder with pg_dump, pg_restore, psql, createdb and dropdb of a major version; undefined when there is none.
 *
 * Debian's own folders come before PATH: what it puts into /usr/bin are wrappers, which choose a version for themselves.
 */
export function findClientPrograms(majorVersion: number): string | undefined {
  const installed = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((name) => join(DEBIAN, name, 'bin')) : [];
  return [...installed, ...(process.env['PATH'] ?? '').split(delimiter)].find(
    (folder) =>
      NEEDED.every((program) => existsSync(join(folder, program))) &&
      majorVersionOf(join(folder, 'pg_dump')) === majorVersion,
  );
}

function majorVersionOf(program: string): number | undefined {
  try {
    const said = execFileSync(program, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(/(\d+)/.exec(said)?.[1]);
  } catch {
    return undefined;
  }
}
