import { DomainError } from '../common/errors/domain-error.js';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import {
  type Foundation,
  readCapabilities,
  type ServerCapabilities,
  type SqlRunner,
} from '../database/server-capabilities.js';

/**
 * Installs TimescaleDB in this database if the server has it; its licence is known only then.
 *
 * @returns whether this call installed it.
 * @throws DomainError `BAD_CONFIGURATION` if the role may not create it, with the statement for an administrator.
 */
export async function installTimescaledb(db: SqlRunner): Promise<boolean> {
  const { timescaledb, timescaledbLoaded, timescaledbLicense } = await readCapabilities(db);
  if (timescaledb === null || !timescaledbLoaded || timescaledbLicense !== null) return false;
  await createExtension(db, 'timescaledb', 'HISTORY_ENGINE=postgresql');
  return true;
}

/**
 * Installs PostGIS in this database if it is missing, and checks that its types are on the search_path.
 *
 * @throws DomainError `BAD_CONFIGURATION` that says what an administrator has to do.
 */
export async function installPostgis(db: SqlRunner): Promise<void> {
  const { postgisInstalled } = await readCapabilities(db);
  if (!postgisInstalled) await createExtension(db, 'postgis', 'SPATIAL_LAYER=builtin');
  const [{ found, schema, database }] = (await db.query(
    `SELECT to_regtype('geometry') IS NOT NULL AS found, current_database() AS database,
       (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'postgis') AS schema`,
  )) as [{ found: boolean; schema: string; database: string }];
  if (!found) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `PostGIS is in the schema ${schema}, which is not on the search_path. ` +
        `Run: ALTER DATABASE "${database}" SET search_path = "$user", public, ${schema}`,
    );
  }
}

/** The extensions that the functions above would create. */
export function missingExtensions(
  { timescaledbLicense, postgisInstalled }: ServerCapabilities,
  { engine, spatialLayer }: Foundation,
): string[] {
  return [
    ...(engine === 'timescaledb' && timescaledbLicense === null ? ['timescaledb'] : []),
    ...(spatialLayer === 'postgis' && !postgisInstalled ? ['postgis'] : []),
  ];
}

/** @param instead the setting that avoids the extension. */
async function createExtension(
  db: SqlRunner,
  name: 'timescaledb' | 'postgis',
  instead: string,
): Promise<void> {
  try {
    await db.query(`CREATE EXTENSION IF NOT EXISTS ${name}`);
  } catch (error) {
    if (databaseErrorCode(error) !== SQLSTATE.insufficientPrivilege) throw error;
    const [{ database, role }] = (await db.query(
      'SELECT current_database() AS database, current_user AS role',
    )) as [{ database: string; role: string }];
    throw new DomainError(
      'BAD_CONFIGURATION',
      `The extension ${name} is missing, and the role ${role} may not create it. ` +
        `Have an administrator run in the database "${database}": CREATE EXTENSION ${name}; or set ${instead}`,
      { cause: error },
    );
  }
}
