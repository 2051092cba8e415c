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

/** How the reports arrive. */
export type ImportKind = 'file' | 'http' | 'owntracks' | 'overland' | 'find-my' | 'retry';

/** Properties of a run that the ledger records when it starts. */
export interface RunDescription {
  kind: ImportKind;
  /** Name of the input, for messages: a path, an app. */
  name: string;
  /** Name of the tracker that the caller has set for all reports. */
  tracker?: string | undefined;
}

/** A run that this process may write to. */
export interface HeldRun {
  id: string;
  /** Null for a daily run, which every process may write to. */
  owner: string | null;
}

/** A run that has just started, or resumed. */
export interface StartedRun extends HeldRun {
  /** Number of reports of the input that an interrupted run has already processed. */
  reportsProcessed: number;
  /** Number of rejected items that it has already processed. */
  itemsProcessed: number;
  /** Ledger of the run so far. */
  counts: LedgerCounts;
}

/** How a run ended. */
export interface RunEnd {
  outcome: 'completed' | 'broken' | 'failed' | 'interrupted';
  error?: { code: string; message: string };
}

const BEGIN = `SELECT id, owner, reports_given::float8 AS "reportsProcessed", items_given::float8 AS "itemsProcessed",
    import_ledger(id) AS counts -- NULL for a new run: this statement does not see its row yet
  FROM begin_import_run($1, $2, $3, $4, $5, $6, $7)`;

/** Key of a daily run; days begin at midnight UTC. */
const DAILY_KEY = "format('%s %s %s', (now() AT TIME ZONE 'UTC')::date, $1::text, $2::text)";
const FIND_DAILY = `SELECT id FROM import_runs WHERE standing = ${DAILY_KEY}`;
const CREATE_DAILY = `
  INSERT INTO import_runs (kind, name, format, tracker, outcome, standing, finished_at)
  VALUES ($1, $2, $3, $4, 'completed', ${DAILY_KEY}, now()) ON CONFLICT (standing) DO NOTHING`;

/** Counts the failed requests at the start of the text; a column would have no other use. */
const RECORD_FAILED_REQUEST = `
  UPDATE import_runs SET error_code = $2, error = format('Asked to send again: %s times, the last at %s: %s',
    coalesce(substring(error FROM '^Asked to send again: (\\d+) times')::integer, 0) + 1,
    to_char(now() AT TIME ZONE 'UTC', 'HH24:MI:SS"Z"'), $3::text)
  WHERE id = $1`;

/** Starts and ends runs in the ledger. */
@Injectable()
export class ImportRunsRepository {
  private readonly transactions: CommittedTransactions;

  constructor(
    private readonly db: DataSource,
    private readonly owner: ImportOwnerRepository,
  ) {
    this.transactions = new CommittedTransactions(db, 'the start of an import');
  }

  /**
   * Starts the queued run, if there is one. Otherwise resumes the interrupted run with the same fingerprint, or starts
   * a new run.
   *
   * @param session of a dry run, which must not write outside its own transaction.
   * @throws DomainError `CONFLICT` while another process imports the same input, or when the queued run has already
   *   started.
   */
  async begin(
    { kind, name, tracker }: RunDescription,
    format: string,
    { queued, fingerprint }: { queued?: string | undefined; fingerprint?: string | undefined },
    session?: SqlRunner,
  ): Promise<StartedRun> {
    const parameters = [queued, kind, name, format, tracker, fingerprint, await this.owner.name()];
    if (!session) await this.db.query('SELECT close_orphaned_import_runs()');
    try {
      const begin = (runner: SqlRunner): Promise<unknown> => runner.query(BEGIN, parameters);
      const [run] = (await (session ? begin(session) : this.transactions.run(begin))) as [
        Omit<StartedRun, 'counts'> & { counts: LedgerCounts | null },
      ];
      return { ...run, counts: run.counts ?? NOTHING_COUNTED };
    } catch (error) {
      throw databaseErrorCode(error) === SQLSTATE.uniqueViolation
        ? new DomainError(
            'CONFLICT',
            `${name}: another process is importing the same input; wait until it has finished`,
            {
              cause: error,
            },
          )
        : this.toDomainError(error);
    }
  }

  /** Creates a run that starts later. @returns its id. */
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
    throw new DomainError('NOT_FOUND', `There is no import run with id ${id}`, {
      details: { argument: 'run' },
    });
  }

  /** Returns today's run (UTC) for a description; creates it if it is missing. */
  async dailyRun({ kind, name, tracker }: RunDescription, format: string): Promise<StartedRun> {
    const find = async (): Promise<string | undefined> =>
      (await this.db.query<{ id: string }[]>(FIND_DAILY, [kind, name]))[0]?.id;
    let id = await find();
    if (id === undefined) {
      await this.transactions.run((session) => session.query(CREATE_DAILY, [kind, name, format, tracker]));
      id = await find();
    }
    if (id === undefined)
      throw new DomainError('CONFLICT', 'The day (UTC) has just changed; send the request again');
    return { id, owner: null, reportsProcessed: 0, itemsProcessed: 0, counts: NOTHING_COUNTED };
  }

  /** Ends a run that this process owns; does nothing if it has lost the run, or for a daily run. */
  async end({ id, owner }: HeldRun, { outcome, error }: RunEnd, session: SqlRunner = this.db): Promise<void> {
    if (owner === null) return;
    await session.query(
      `UPDATE import_runs SET outcome = $3, owner = NULL, finished_at = now(), error_code = $4, error = $5
       WHERE id = $1 AND owner = $2`,
      [id, owner, outcome, error?.code, error?.message],
    );
  }

  /**
   * Ends a run that failed: as `broken` if its input is invalid, so that trying again cannot help; otherwise as
   * `interrupted` or `failed`, which can be resumed.
   */
  async endFailed(run: HeldRun, failure: unknown, isAborted: boolean): Promise<void> {
    const error =
      failure instanceof DomainError
        ? { code: failure.code, message: failure.message }
        : { code: 'INTERNAL_SERVER_ERROR', message: 'The import failed; see the log' };
    const outcome = isAborted ? 'interrupted' : error.code === 'BAD_USER_INPUT' ? 'broken' : 'failed';
    if (run.owner === null && error.code === 'UNAVAILABLE') {
      await this.recordFailedRequest(run.id, error).catch(() => undefined); // the database itself may have failed
    }
    try {
      await this.end(run, { outcome, error });
    } catch {
      // The database failed. Once this process gives up its owner name, others see that the run was interrupted.
      await this.owner.renounce();
    }
  }

  /** Records in a daily run, which stays open, how often its sender was asked to send again, and the latest reason. */
  private async recordFailedRequest(
    id: string,
    { code, message }: { code: string; message: string },
  ): Promise<void> {
    await this.db.query(RECORD_FAILED_REQUEST, [id, code, message]);
  }

  /** Translates the error of a failed batch to a DomainError if the caller can act on it. */
  toDomainError(error: unknown): unknown {
    return violatedConstraint(error) === 'import_run_is_held'
      ? new DomainError('CONFLICT', 'Another process has taken over the import run, or it was deleted', {
          cause: error,
        })
      : toDomainError(error);
  }
}
