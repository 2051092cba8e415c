import semver from 'semver';
import { DomainError } from '../../common/errors/domain-error.js';
import type { SqlRunner } from '../server-capabilities.js';
import { PROGRAM_VERSION } from './program-version.js';

/** The oldest program that works with this schema; raise it only when a step removes something. */
export const LOWEST_PROGRAM = '0.1.0';

/** The last release that did not record its version. */
const UNRECORDED = '0.1.0';

export interface SchemaVersion {
  /** Version of the program that last changed the schema. */
  version: string;
  /** The oldest program that may use it. */
  lowestProgram: string;
  /** Hash of the definitions, see definitionsHash(); null in a database of 0.1.0, or after an incomplete upgrade. */
  definitions: string | null;
}

/** The recorded version of a migrated database. @throws DomainError `BAD_CONFIGURATION` if it is invalid. */
export async function readVersion(db: SqlRunner): Promise<SchemaVersion> {
  const unrecorded: SchemaVersion = { version: UNRECORDED, lowestProgram: UNRECORDED, definitions: null };
  const [{ present }] = (await db.query(`SELECT to_regclass('schema_version') IS NOT NULL AS present`)) as [
    { present: boolean },
  ];
  if (!present) return unrecorded;
  const [row] = (await db.query(
    `SELECT version, lowest_program AS "lowestProgram", definitions FROM schema_version`,
  )) as SchemaVersion[];
  for (const version of [row?.version, row?.lowestProgram]) {
    if (version !== undefined && semver.valid(version) === null) {
      throw new DomainError(
        'BAD_CONFIGURATION',
        `The table schema_version contains "${version}", which is not a version: it was changed by hand. ` +
          'Put back the original value, or restore a backup',
      );
    }
  }
  return row ?? unrecorded;
}

export async function storeVersion(
  db: SqlRunner,
  { version, lowestProgram, definitions }: SchemaVersion,
): Promise<void> {
  await db.query(
    `INSERT INTO schema_version (version, lowest_program, definitions) VALUES ($1, $2, $3)
     ON CONFLICT (only_row) DO UPDATE SET version = excluded.version, lowest_program = excluded.lowest_program,
       definitions = excluded.definitions, changed_at = now()`,
    [version, lowestProgram, definitions],
  );
}

/** @throws DomainError `BAD_CONFIGURATION` if this program is too old for the database. */
export function refuseTooNew({ version, lowestProgram }: SchemaVersion): void {
  if (semver.lt(PROGRAM_VERSION, lowestProgram)) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `The database is at version ${version}, which needs a program of ${lowestProgram} or newer; this is ${PROGRAM_VERSION}. ` +
        `Install version ${version}, or restore a backup from before the upgrade (docs/upgrading.md)`,
    );
  }
}

/** Whether a newer program has migrated the schema. */
export function isNewer({ version }: SchemaVersion): boolean {
  return semver.gt(version, PROGRAM_VERSION);
}

/** @throws DomainError `BAD_CONFIGURATION` if migrating with this program would downgrade the schema. */
export function refuseDowngrade(current: SchemaVersion): void {
  if (isNewer(current)) {
    throw new DomainError(
      'BAD_CONFIGURATION',
      `The database is at version ${current.version}, newer than this program (${PROGRAM_VERSION}): nothing was changed. ` +
        `Run migrate of version ${current.version}, or restore a backup from before the upgrade (docs/upgrading.md)`,
    );
  }
}
