import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/errors/domain-error.js';
import {
  databaseErrorCode,
  SQLSTATE,
  toDomainError,
  violatedConstraint,
} from '../common/errors/pg-errors.js';
import type { SqlRunner } from '../database/server-capabilities.js';
import { CommittedTransactions } from '../database/transactions.js';
import { ImportOwnerRepository } from './import-owner.repository.js';
import { type LedgerCounts, NOTHING_COUNTED } from './import-summary.js';

/** What brings reports. */
export type ImportKind = 'file' | 'http' | 'owntracks' | 'overland' | 'find-my' | 'retry';

/** What a run is told of when it begins. */
export interface RunDescription {
  kind: ImportKind;
  /** Of the input, for people: a path, a device. */
  name: string;
  /** Name of the tracker that all reports are said to be of. */
  tracker?: string | undefined;
}

/** A run that this process may write to. */
export interface HeldRun {
  id: string;
  /** Null of a standing run, which everybody may write to. */
  owner: string | null;
}

/** A run that has just begun, or goes on. */
export interface BegunRun extends HeldRun {
  /** So many reports, and so many items that are none, were taken from its input before. */
  reportsGiven: number;
  itemsGiven: number;
  /** What became of those. */
  counts: LedgerCounts;
}

/** How a run ends. */
export interface RunEnd {
  outcome: 'completed' | 'broken' | 'failed' | 'interrupted';
  error?: { code: string; message: string };
}

const BEGIN = `SELECT id, owner, reports_given::float8 AS "reportsGiven", items_given::float8 AS "itemsGiven",
    import_ledger(id) AS counts -- of a new run there is none to be seen yet
  FROM begin_import_run($1, $2, $3, $4, $5, $6, $7)`;

/** A day begins at midnight UTC. */
const STANDING = "format('%s %s %s', (now() AT TIME ZONE 'UTC')::date, $1::text, $2::text)";
const FIND_STANDING = `SELECT id FROM import_runs WHERE standing = ${STANDING}`;
const MAKE_STANDING = `
  INSERT INTO import_runs (kind, name, format, tracker, outcome, standing, finished_at)
  VALUES ($1, $2, $3, $4, 'completed', ${STANDING}, now()) ON CONFLICT (standing) DO NOTHING`;

/** The number of refusals is at the head of the text: a column for it would be read by nobody else. */
const NOTE_REFUSAL = `
  UPDATE import_runs SET error_code = $2, error = format('Asked to send again: %s times, the last at %s: %s',
    coalesce(substring(error FROM '^Asked to send again: (\\d+) times')::integer, 0) + 1,
    to_char(now() AT TIME ZONE 'UTC', 'HH24:MI:SS"Z"'), $3::text)
  WHERE id = $1`;

/** Beginnings and ends of runs in the ledger. */
@Injectable()
export class ImportRunsRepository {
  private readonly transactions: CommittedTransactions;

  constructor(
    private readonly db: DataSource,
    private readonly owner: ImportOwnerRepository,
  ) {
    this.transactions = new CommittedTransactions(db, 'the beginning of an import');
  }

  /**
   * Begins a run: the one that was queued; or goes on with the one of the same fingerprint that did not come to its end.
   *
   * @param session of a rehearsal: where all of it happens.
   * @throws DomainError `CONFLICT` while another process is at the same input, or the queued run has begun already.
   */
  async begin(
    { kind, name, tracker }: RunDescription,
    format: string,
    { queued, fingerprint }: { queued?: string | undefined; fingerprint?: string | undefined },
    session?: SqlRunner,
  ): Promise<BegunRun> {
    const parameters = [queued, kind, name, format, tracker, fingerprint, await this.owner.name()];
    if (!session) await this.db.query('SELECT close_orphaned_import_runs()');
    try {
      const begin = (on: SqlRunner): Promise<unknown> => on.query(BEGIN, parameters);
      const [run] = (await (session ? begin(session) : this.transactions.run(begin))) as [
        Omit<BegunRun, 'counts'> & { counts: LedgerCounts | null },
      ];
      return { ...run, counts: run.counts ?? NOTHING_COUNTED };
    } catch (error) {
      throw databaseErrorCode(error) === SQLSTATE.uniqueViolation
        ? new DomainError('CONFLICT', `${name}: another process is importing the same input at the moment`, {
            cause: error,
          })
        : this.toDomainError(error);
    }
  }

  /** Notes a run that is to begin later, so that its id can be told. */
  async queue({ kind, name, tracker }: RunDescription, session: SqlRunner = this.db): Promise<string> {
    const [{ id }] = (await session.query(
      `INSERT INTO import_runs (kind, name, tracker, outcome) VALUES ($1, $2, $3, 'queued') RETURNING id`,
      [kind, name, tracker],
    )) as [{ id: string }];
    return id;
  }

  /** @throws DomainError `NOT_FOUND` unless there is a run with this id. */
  async requireRun(id: string): Promise<void> {
    const found = await this.db.query<unknown[]>('SELECT FROM import_runs WHERE id = $1', [id]);
    if (found.length > 0) return;
    throw new DomainError('NOT_FOUND', `There is no import run with the id ${id}`, {
      details: { argument: 'run' },
    });
  }

  /** The standing run of today (UTC) for a description; made where it is not there yet. */
  async standing({ kind, name, tracker }: RunDescription, format: string): Promise<BegunRun> {
    const find = async (): Promise<string | undefined> =>
      (await this.db.query<{ id: string }[]>(FIND_STANDING, [kind, name]))[0]?.id;
    let id = await find();
    if (id === undefined) {
      await this.transactions.run((session) => session.query(MAKE_STANDING, [kind, name, format, tracker]));
      id = await find();
    }
    if (id === undefined) throw new DomainError('CONFLICT', 'The day has just changed; try again');
    return { id, owner: null, reportsGiven: 0, itemsGiven: 0, counts: NOTHING_COUNTED };
  }

  /** Ends a run that this process holds; nothing happens where it does not any more. A standing run has no end. */
  async end({ id, owner }: HeldRun, { outcome, error }: RunEnd, session: SqlRunner = this.db): Promise<void> {
    if (owner === null) return;
    await session.query(
      `UPDATE import_runs SET outcome = $3, owner = NULL, finished_at = now(), error_code = $4, error = $5
       WHERE id = $1 AND owner = $2`,
      [id, owner, outcome, error?.code, error?.message],
    );
  }

  /**
   * Ends a run that came to no good end: `broken` where its input is to blame, which a second try does not change;
   * `interrupted` or `failed` where it can go on.
   */
  async endFailed(run: HeldRun, failure: unknown, isAborted: boolean): Promise<void> {
    const error =
      failure instanceof DomainError
        ? { code: failure.code, message: failure.message }
        : { code: 'INTERNAL_SERVER_ERROR', message: 'The import failed; the log says why' };
    const outcome = isAborted ? 'interrupted' : error.code === 'BAD_USER_INPUT' ? 'broken' : 'failed';
    if (run.owner === null && error.code === 'UNAVAILABLE') {
      await this.noteRefusal(run.id, error).catch(() => undefined); // the database may be what is away
    }
    try {
      await this.end(run, { outcome, error });
    } catch {
      // The database is what failed. The run is known to be interrupted once this process writes under another name.
      await this.owner.renounce();
    }
  }

  /** A standing run goes on; the ledger tells how often, and why last, its sender was asked to send again. */
  private async noteRefusal(id: string, { code, message }: { code: string; message: string }): Promise<void> {
    await this.db.query(NOTE_REFUSAL, [id, code, message]);
  }

  /** Says a failure of a batch in the product's words, where a caller can act on it. */
  toDomainError(error: unknown): unknown {
    return violatedConstraint(error) === 'import_run_is_held'
      ? new DomainError('CONFLICT', 'The import run was taken over by another process, or removed', {
          cause: error,
        })
      : toDomainError(error);
  }
}
