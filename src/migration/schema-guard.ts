import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { lengthenDailyRetention, readFoundation, storeSettings } from './migrator.js';
import { requireCompatSchema } from './search-path.js';
import { checkFoundation, readCapabilities } from '../database/server-capabilities.js';
import { databaseErrorCode, toDomainError } from '../common/errors/pg-errors.js';
import { definitionsHash } from '../database/schema/definitions.js';
import { PROGRAM_VERSION } from '../database/schema/program-version.js';
import { isStandby, requireWritable, whyReadOnly } from '../database/writable.js';
import { isNewer, readVersion, refuseTooNew } from '../database/schema/schema-version.js';

const UNDEFINED_TABLE = '42P01';

/** Rejects a database whose schema does not match this program. */
@Injectable()
export class SchemaGuard {
  private readonly logger = new Logger(SchemaGuard.name);

  constructor(
    private readonly db: DataSource,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /**
   * Checks that the database has the schema of this program; changes nothing.
   *
   * @throws DomainError `UNAVAILABLE` or `BAD_CONFIGURATION` that names the command to run.
   */
  async verify(): Promise<void> {
    await this.requireMigrations();
    const foundation = await readFoundation(this.db);
    if (!foundation) return;
    checkFoundation(foundation, await readCapabilities(this.db), this.config);
    await requireCompatSchema(this.db, foundation);
  }

  /**
   * Checks that the database can be reached, and that this program can use its schema: its own, or a newer one that is
   * compatible.
   *
   * @throws DomainError `UNAVAILABLE` if it has to be migrated, `BAD_CONFIGURATION` if this program is too old for it.
   */
  async requireMigrations(): Promise<void> {
    const known = migrations.map(({ name }) => name);
    const applied = await this.appliedMigrations();
    const missing = known.filter((name) => !applied.has(name)).length;
    if (missing === known.length) throw needsMigration('The database is not migrated yet');
    const version = await readVersion(this.db);
    refuseTooNew(version);
    if (isNewer(version) && missing === 0) return;
    if (missing > 0) {
      throw needsMigration(
        `The database is at version ${version.version}, and this program is ${PROGRAM_VERSION} ` +
          `(${missing} of ${known.length} migrations are missing)`,
      );
    }
    const foundation = await readFoundation(this.db);
    if (foundation && version.definitions !== definitionsHash(foundation)) {
      throw needsMigration('The database has other functions and views than this program defines');
    }
  }

  /** @throws DomainError `UNAVAILABLE` for a standby, `BAD_CONFIGURATION` for a role that is read-only. */
  requireWritable(): Promise<void> {
    return requireWritable(this.db);
  }

  /** Why the database accepts no writes; null if it does. */
  async whyReadOnly(): Promise<string | null> {
    return (await whyReadOnly(this.db))?.message ?? null;
  }

  /** Whether the server is a standby, which does not see the sessions of its primary. */
  isStandby(): Promise<boolean> {
    return isStandby(this.db);
  }

  /** Stores the configured retention and accuracy limit; for the server alone, see storeSettings(). */
  async storeSettings(): Promise<void> {
    const warning = await storeSettings(this.db, this.config);
    if (warning !== null) this.logger.warn(warning);
  }

  /** Extends daily retention to the configured one, for an import of old reports. */
  lengthenDailyRetention(): Promise<void> {
    return lengthenDailyRetention(this.db, this.config);
  }

  private async appliedMigrations(): Promise<Set<string>> {
    try {
      const rows = await this.db.query<{ name: string }[]>('SELECT name FROM schema_migrations');
      return new Set(rows.map(({ name }) => name));
    } catch (error) {
      if (databaseErrorCode(error) === UNDEFINED_TABLE) return new Set();
      throw toDomainError(error);
    }
  }
}

function needsMigration(reason: string): DomainError {
  return new DomainError('UNAVAILABLE', `${reason}. Run: tracker migrate`);
}
