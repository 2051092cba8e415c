import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { databaseErrorCode, SQLSTATE } from '../common/errors/pg-errors.js';
import { askQuickly } from '../database/session.js';

/** Whose keys they are, in a Redis that several deployments share: a deployment is a database. */
export interface Deployment {
  /** Eight hexadecimal digits, the same for every process on the database. */
  id: string;
  /** Name of the database, for people. */
  name: string;
}

interface IdentityRow {
  name: string;
  /** What tells the database from every other one. */
  identity: string;
}

/**
 * The identifier that initdb gave the cluster, which standbys share, and the number of the database in it: a restored
 * dump has another, a standby that was promoted has the same.
 */
const IDENTITY = `SELECT d.datname AS name, format('%s:%s', c.system_identifier, d.oid) AS identity
  FROM pg_database AS d, pg_control_system() AS c WHERE d.datname = current_database()`;
/** Where the server lets nobody read its control file: two servers may have a database of this number and name. */
const POOR_IDENTITY = `SELECT datname AS name, format('%s:%s', datname, oid) AS identity
  FROM pg_database WHERE datname = current_database()`;
const NO_CONTROL_FILE: ReadonlySet<string | undefined> = new Set([
  SQLSTATE.insufficientPrivilege,
  SQLSTATE.featureNotSupported,
  SQLSTATE.undefinedFunction,
]);

@Injectable()
export class DeploymentRepository {
  private known: Deployment | null = null;

  constructor(private readonly db: DataSource) {}

  /** The database is asked once. @throws while it cannot be asked. */
  async deployment(): Promise<Deployment> {
    this.known ??= await this.ask();
    return this.known;
  }

  private async ask(): Promise<Deployment> {
    const [{ name, identity }] = await askQuickly<[IdentityRow]>(this.db, IDENTITY).catch(
      (error: unknown) => {
        if (!NO_CONTROL_FILE.has(databaseErrorCode(error))) throw error;
        return askQuickly<[IdentityRow]>(this.db, POOR_IDENTITY);
      },
    );
    return { id: createHash('sha256').update(identity).digest('hex').slice(0, 8), name };
  }
}
