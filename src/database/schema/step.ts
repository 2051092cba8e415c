import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import type { Session } from '../session.js';
import { sqlFile } from '../sql-files.js';

/** What a step does to one relation, for `migrate --plan`. */
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
  made: Foundation;
  /** Reports progress, as one line. */
  progress: (line: string) => void;
}

/**
 * An entry of `schema_migrations`, and the frozen SQL files that it runs. A released step is never edited:
 * sql/migrations/checksums.txt and the database record its files.
 *
 * A step may call only functions that it or an earlier step created: those of sql/definitions are applied after all steps.
 */
export abstract class Step implements MigrationInterface {
  /** Folder of its files below sql/migrations. */
  abstract readonly folder: string;

  /** Its files, in order, relative to the folder and without the ending. */
  abstract files(made: Foundation): readonly string[];

  /** Those of its files that create or change relations of an engine. */
  engineFiles(made: Foundation): readonly string[] {
    return this.files(made).filter((file) => file.startsWith(`${made.engine}/`));
  }

  /** Creates the relations of an engine in a database that has all others, when it moves to that engine. */
  async makeRelations(runner: SqlRunner, made: Foundation): Promise<void> {
    for (const file of this.engineFiles(made)) await this.runFile(runner, file);
  }

  /** Its part of `migrate --plan`. */
  plan?(made: Foundation): readonly PlannedWork[];

  /** Relations that it replaces; dependent objects of others have to be dropped first. */
  replaces?(made: Foundation): readonly string[];

  /**
   * The part that takes long or cannot run in a transaction. It runs first, while the previous version keeps working. It may
   * be interrupted anywhere, and is then run again from its start.
   */
  prepare?(preparation: Preparation): Promise<void>;

  /**
   * What is left of the preparation, short. It runs right before each try to run the rest, while no refresher and no other job
   * of the product is at work.
   */
  catchUp?(preparation: Preparation): Promise<void>;

  /** Relations that the rest changes: locked for it, in this order. */
  relations?(made: Foundation): readonly string[];

  async up(runner: QueryRunner): Promise<void> {
    for (const file of this.files(await this.foundation(runner))) await this.runFile(runner, file);
  }

  /** Engine and spatial layer that the migrating session was told: a new database does not know them yet. */
  protected async foundation(runner: SqlRunner): Promise<Foundation> {
    const [made] = (await runner.query(
      `SELECT current_setting('tracker.history_engine') AS engine,
         current_setting('tracker.spatial_layer') AS "spatialLayer"`,
    )) as [Foundation];
    return made;
  }

  /** A database goes back by restoring a backup; `migrate --undo` drops everything at once. */
  down(): Promise<void> {
    return Promise.reject(new Error(`${this.constructor.name} cannot be undone by itself`));
  }

  async runFile(runner: SqlRunner, file: string): Promise<void> {
    await runner.query(sqlFile(`migrations/${this.folder}/${file}`));
  }
}
