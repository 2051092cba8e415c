import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Foundation, SqlRunner } from '../server-capabilities.js';
import type { Session } from '../session.js';
import { sqlFile } from '../sql-files.js';

/** What a part of a step does to one relation, for `migrate --plan`. */
export interface PlannedWork {
  /** Name of the relation. */
  relation: string;
  /** What happens, in a few words: "add 6 columns". */
  action: string;
  /** The strongest lock it takes, and who has to wait for it. */
  lock: 'none' | 'writers of the same rows wait' | 'writers wait' | 'readers and writers wait';
  /** Whether all rows are written again, which decides how long it takes. */
  rewrites: boolean;
}

/** What the preparation of a step is given. */
export interface Preparation {
  session: Session;
  made: Foundation;
  /** Reports progress, as one line. */
  progress: (line: string) => void;
}

/**
 * One entry of the list that the database keeps of what has run (`schema_migrations`), and the frozen SQL files that it
 * runs. A step is never edited once it is released: sql/migrations/checksums.txt and the database itself know its files.
 *
 * A step may call only functions that it made itself, or that the step before it left: those of sql/definitions come
 * after all steps.
 */
export abstract class Step implements MigrationInterface {
  /** Folder of its files below sql/migrations. */
  abstract readonly folder: string;

  /** Its files, in order, relative to the folder and without the ending. */
  abstract files(made: Foundation): readonly string[];

  /** Those of its files that make or change the relations of an engine. */
  engineFiles(made: Foundation): readonly string[] {
    return this.files(made).filter((file) => file.startsWith(`${made.engine}/`));
  }

  /** Makes the relations of an engine in a database that has all others already: for the one that moves to it. */
  async makeRelations(runner: SqlRunner, made: Foundation): Promise<void> {
    for (const file of this.engineFiles(made)) await this.runFile(runner, file);
  }

  /** What `migrate --plan` says of it. */
  plan?(made: Foundation): readonly PlannedWork[];

  /** Relations that it makes anew: what others have built on them has to go before. */
  replaces?(made: Foundation): readonly string[];

  /**
   * The part that takes long or cannot run in a transaction. It runs before the rest, while the version before goes on
   * working; it may be interrupted anywhere and is run again from its beginning.
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
