import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import type { Session } from '../session.js';
import { sqlFile } from '../sql-files.js';

/** Work of a step on one relation, for `migrate --plan`. */
export interface PlannedWork {
  /** Name of the relation. */
  relation: string;
  /** In a few words, e.g. "add 6 columns". */
  action: string;
  /** The strongest lock it takes, and who has to wait for it. */
  lock: 'none' | 'writers of the same rows wait' | 'writers wait' | 'readers and writers wait';
  /** Whether it rewrites all rows, which takes long. */
  rewrites: boolean;
}

/** Arguments of the preparation of a step. */
export interface Preparation {
  session: Session;
  foundation: Foundation;
  /** Reports progress, as one line. */
  progress: (line: string) => void;
}

/**
 * One migration: an entry of `schema_migrations`, and the frozen SQL files that it runs. A released step is never
 * edited: sql/migrations/checksums.txt and the database record the checksums of its files.
 *
 * A step may call only functions that it or an earlier step created: sql/definitions are applied after all steps.
 */
export abstract class Step implements MigrationInterface {
  /** Folder of its files below sql/migrations. */
  abstract readonly folder: string;

  /** Its files, in order, relative to the folder and without the ending. */
  abstract files(foundation: Foundation): readonly string[];

  /** Its files that create or change relations of an engine. */
  engineFiles(foundation: Foundation): readonly string[] {
    return this.files(foundation).filter((file) => file.startsWith(`${foundation.engine}/`));
  }

  /** Creates the relations of an engine when a database moves to it; all other relations exist. */
  async createRelations(runner: SqlRunner, foundation: Foundation): Promise<void> {
    for (const file of this.engineFiles(foundation)) await this.runFile(runner, file);
  }

  /** Its part of `migrate --plan`. */
  plan?(foundation: Foundation): readonly PlannedWork[];

  /**
   * Relations that it replaces; objects that the product did not create and that depend on them have to be dropped
   * first.
   */
  replaces?(foundation: Foundation): readonly string[];

  /**
   * Does the work that takes long or cannot run in a transaction. Runs before up(), while the previous version keeps
   * working. After an interruption it runs again from its start.
   */
  prepare?(preparation: Preparation): Promise<void>;

  /**
   * Prepares what has changed since prepare(), which is little. Runs right before each attempt of up(), while the
   * refreshers and the other jobs of the product are paused.
   */
  catchUp?(preparation: Preparation): Promise<void>;

  /** Relations that up() changes; they are locked for it, in this order. */
  relations?(foundation: Foundation): readonly string[];

  async up(runner: QueryRunner): Promise<void> {
    for (const file of this.files(await this.foundation(runner))) await this.runFile(runner, file);
  }

  /** Engine and spatial layer, from the settings of the migrating session: a new database does not record them yet. */
  protected async foundation(runner: SqlRunner): Promise<Foundation> {
    const [foundation] = (await runner.query(
      `SELECT current_setting('tracker.history_engine') AS engine,
         current_setting('tracker.spatial_layer') AS "spatialLayer"`,
    )) as [Foundation];
    return foundation;
  }

  /** Not supported: restore a backup instead, or drop everything with `migrate --undo`. */
  down(): Promise<void> {
    return Promise.reject(new Error(`${this.constructor.name} cannot be undone by itself`));
  }

  async runFile(runner: SqlRunner, file: string): Promise<void> {
    await runner.query(sqlFile(`migrations/${this.folder}/${file}`));
  }
}
