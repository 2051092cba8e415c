import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { ImportService } from '../import/import.service.js';
import { ImportBrokenError } from '../import/import-summary.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { FetchLoop, type FetchScope } from './fetch-loop.js';
import { type FetchOutcome, type FetchSummary, FetchTally } from './fetch-summary.js';
import { FetchesRepository } from './fetches.repository.js';
import { TrackerFetcher } from './tracker-fetcher.js';

export interface FetchOptions {
  /** Called for every tracker that this process fetches. */
  onOutcome?: (outcome: FetchOutcome) => void;
  /** When aborted, the fetch stops at once and releases its tracker for other processes. */
  signal?: AbortSignal;
}

/** A fetch that stopped early, with a summary up to that point. */
export class FetchBrokenError extends DomainError {
  constructor(
    cause: DomainError,
    readonly summary: FetchSummary,
  ) {
    super(cause.code, cause.message, { cause, details: cause.details });
  }
}

/**
 * Fetches reports from the Find My endpoint. The trackers to fetch are rows in the database, which all processes work on
 * together; see {@link FetchLoop}.
 */
@Injectable()
export class FetchService {
  /** One fetch at a time in this process, as the endpoint serves one call at a time. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly fetches: FetchesRepository,
    private readonly fetcher: TrackerFetcher,
    private readonly loop: FetchLoop,
    private readonly imports: ImportService,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Fetches the reports of all trackers that have private keys, together with every process that does the same, and
   * returns when all are done.
   *
   * @throws DomainError `BAD_CONFIGURATION` when nothing can be fetched; FetchBrokenError when it stops early.
   */
  fetchAll(options: FetchOptions = {}): Promise<FetchSummary> {
    return this.enqueue(async () => {
      await this.fetcher.verify();
      await this.fetches.wantAll();
      return this.fetch(null, options);
    });
  }

  /** Fetches the reports of some trackers, by name. @throws as {@link fetchAll}, and DomainError `NOT_FOUND`. */
  async fetchTrackers(names: readonly string[], options: FetchOptions = {}): Promise<FetchSummary> {
    const ids = await this.trackers.idsOf(names);
    const missing = names.filter((name) => !ids.has(name));
    if (missing.length > 0) {
      const listed = missing.map((name) => JSON.stringify(name)).join(', ');
      throw new DomainError('NOT_FOUND', `There is no tracker named ${listed}`);
    }
    for (const [name, id] of ids) await this.fetcher.requireKeys(id, name);
    return this.enqueue(async () => {
      await this.fetcher.verify();
      await this.fetches.want([...ids.values()]);
      return this.fetch([...ids.values()], options);
    });
  }

  /**
   * Queues a fetch of one tracker, ahead of all that no user requested. If one is already queued, returns that one.
   *
   * @returns the id of its import run.
   * @throws DomainError `NOT_FOUND`, `BAD_USER_INPUT` for a tracker without private keys, `BAD_CONFIGURATION` without an
   * endpoint.
   */
  async request(trackerId: string): Promise<string> {
    const { id, name } = await this.trackers.get(trackerId);
    await this.fetcher.requireKeys(id, name);
    const source = this.fetcher.sourceName;
    return this.fetches.wantForRun(id, (session) =>
      this.imports.queue({ kind: 'find-my', name: source, tracker: name }, session),
    );
  }

  /** Fetches every tracker that is wanted and not leased. Does not wait for other processes. */
  drain(signal: AbortSignal): Promise<void> {
    return this.enqueue(async () => {
      await this.loop.run({ scope: null, waitForOthers: false, tally: new FetchTally(), signal });
    });
  }

  private async fetch(scope: FetchScope, options: FetchOptions): Promise<FetchSummary> {
    const { onOutcome, signal = new AbortController().signal } = options;
    const trackers = await this.fetches.countWanted(scope);
    const tally = new FetchTally(onOutcome);
    try {
      const ledger = await this.loop.run({ scope, waitForOthers: true, tally, signal });
      return tally.summary(trackers, ledger);
    } catch (error) {
      signal.throwIfAborted();
      await this.fetches.cancelWanted(scope);
      if (!(error instanceof DomainError)) throw error;
      const ledger = error instanceof ImportBrokenError ? error.summary : null;
      throw new FetchBrokenError(error, tally.summary(trackers, ledger));
    }
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined); // the caller gets the error; the next fetch starts anyway
    return result;
  }
}
