import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { queryWithTimeout } from '../database/session.js';

/** A deployment is one database; its id keeps its keys apart in a Redis that several deployments share. */
export interface Deployment {
  /** Eight hexadecimal digits, the same for every process on the database. */
  id: string;
  /** Name of the database, for people. */
  name: string;
}

interface IdentityRow {
  name: string;
  /** Differs for every database. */
  identity: string;
}

/**
 * The cluster's identifier, which initdb sets and standbys share, and the oid of the database: a restored dump has
 * another identity, a promoted standby the same.
 */
const IDENTITY = `SELECT d.datname AS name, format('%s:%s', c.system_identifier, d.oid) AS identity
  FROM pg_database AS d, pg_control_system() AS c WHERE d.datname = current_database()`;
/** For servers that hide their control file. Not unique: two servers may have a database of this oid and name. */
const FALLBACK_IDENTITY = `SELECT datname AS name, format('%s:%s', datname, oid) AS identity
  FROM pg_database WHERE datname = current_database()`;
const NO_CONTROL_FILE: ReadonlySet<string | undefined> = new Set([
  SQLSTATE.insufficientPrivilege,
  SQLSTATE.featureNotSupported,
  SQLSTATE.undefinedFunction,
]);

@Injectable()
export class DeploymentRepository {
  private cached: Deployment | null = null;

  constructor(private readonly db: DataSource) {}

  /** Queries the database once, and caches the result. @throws when the query fails. */
  async deployment(): Promise<Deployment> {
    this.cached ??= await this.read();
    return this.cached;
  }

  private async read(): Promise<Deployment> {
    const [{ name, identity }] = await queryWithTimeout<[IdentityRow]>(this.db, IDENTITY).catch(
      (error: unknown) => {
        if (!NO_CONTROL_FILE.has(databaseErrorCode(error))) throw error;
        return queryWithTimeout<[IdentityRow]>(this.db, FALLBACK_IDENTITY);
      },
    );
    return { id: createHash('sha256').update(identity).digest('hex').slice(0, 8), name };
  }
}
