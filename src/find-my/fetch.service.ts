import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { ImportService } from '../import/import.service.js';
import { ImportBrokenError, type ImportSummary } from '../import/import-summary.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { TrackerKeysService } from '../tracker-keys/tracker-keys.service.js';
import { type FetchOutcome, type FetchSummary, FetchTally } from './fetch-summary.js';
import { FetchesRepository, type Lease } from './fetches.repository.js';
import { OneTrackerSource, type SourceDoor, TrackersSource } from './find-my.source.js';
import { TrackerFetcher } from './tracker-fetcher.js';

/** How often to look whether others are done with what they are at. */
const WAIT_FOR_OTHERS_MS = 500;

export interface FetchOptions {
  /** Told of every tracker that this process asks for. */
  onOutcome?: (outcome: FetchOutcome) => void;
  /** Aborted, the fetch stops; what it was at is left to others at once. */
  signal?: AbortSignal;
}

/** A fetch that stopped before its end, with what it did until then. */
export class FetchBrokenError extends DomainError {
  constructor(
    cause: DomainError,
    readonly summary: FetchSummary,
  ) {
    super(cause.code, cause.message, { cause, details: cause.details });
  }
}

/** What a fetch is about: these trackers; or a round, which is about all and serves whatever else is wanted. */
type Scope = readonly string[] | null;

/** Fetches reports from the Find My endpoint. What is to be fetched stands in the database; all processes share it. */
@Injectable()
export class FetchService {
  private readonly logger = new Logger(FetchService.name);
  /** One fetch at a time in this process: the endpoint takes one call at a time. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly fetches: FetchesRepository,
    private readonly fetcher: TrackerFetcher,
    private readonly imports: ImportService,
    private readonly trackers: TrackersService,
    private readonly keys: TrackerKeysService,
  ) {}

  /**
   * Fetches the reports of all trackers that have keys: together with whoever is at the same, and until all are done.
   *
   * @throws DomainError `BAD_CONFIGURATION` when nothing can be fetched at all; FetchBrokenError when it turns out on the
   * way that going on makes no sense.
   */
  fetchAll(options: FetchOptions = {}): Promise<FetchSummary> {
    return this.limitRootField(async () => {
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
    for (const [name, id] of ids) await this.requireKeys(id, name);
    return this.limitRootField(async () => {
      await this.fetcher.verify();
      await this.fetches.want([...ids.values()]);
      return this.fetch([...ids.values()], options);
    });
  }

  /**
   * Queues a fetch of one tracker, before all that nobody waits for. Of a tracker that is queued already there is no
   * second one.
   *
   * @returns the id of its run.
   * @throws DomainError `NOT_FOUND`, `BAD_USER_INPUT` when it has no keys, `BAD_CONFIGURATION` without an endpoint.
   */
  async request(trackerId: string): Promise<string> {
    const { id, name } = await this.trackers.get(trackerId);
    await this.requireKeys(id, name);
    const source = this.fetcher.sourceName;
    return this.fetches.wantForRun(id, (session) =>
      this.imports.queue({ kind: 'find-my', name: source, tracker: name }, session),
    );
  }

  /** Fetches what anybody wants and nobody is at. Never waits for others. */
  drain(signal: AbortSignal): Promise<void> {
    return this.limitRootField(async () => {
      const tally = new FetchTally();
      const first = await this.next(null, tally, { signal });
      if (!first) return;
      await this.fetcher.verify().catch(async (error: unknown) => {
        await this.fetches.giveBack(first); // another process may be configured better
        throw error;
      });
      await this.takeRound(first, () => this.next(null, tally, { signal }), tally, { signal });
    });
  }

  private async fetch(scope: Scope, options: FetchOptions): Promise<FetchSummary> {
    const trackers = await this.fetches.countWanted(scope);
    const tally = new FetchTally();
    const next = (): Promise<Lease | null> => this.nextOrWait(scope, tally, options);
    try {
      const first = await next();
      const ledger = first ? await this.takeRound(first, next, tally, options) : null;
      return tally.summary(trackers, ledger);
    } catch (error) {
      options.signal?.throwIfAborted();
      await this.fetches.giveUp(scope);
      if (!(error instanceof DomainError)) throw error;
      const ledger = error instanceof ImportBrokenError ? error.summary : null;
      throw new FetchBrokenError(error, tally.summary(trackers, ledger));
    }
  }

  private takeRound(
    first: Lease,
    next: () => Promise<Lease | null>,
    tally: FetchTally,
    options: FetchOptions,
  ): Promise<ImportSummary> {
    const source = new TrackersSource(first, next, this.door(tally, options));
    return this.imports.takeIn(source, {
      kind: 'find-my',
      name: this.fetcher.sourceName,
      ...(options.signal && { signal: options.signal }),
    });
  }

  /** The next tracker, also when others have to be waited for: one that dies leaves its tracker to us. */
  private async nextOrWait(scope: Scope, tally: FetchTally, options: FetchOptions): Promise<Lease | null> {
    for (;;) {
      const lease = await this.next(scope, tally, options);
      if (lease || (await this.fetches.countWanted(scope)) === 0) return lease;
      await sleep(WAIT_FOR_OTHERS_MS, undefined, { ...(options.signal && { signal: options.signal }) });
    }
  }

  /** The next tracker of no run of its own; those that have one are served on the way. */
  private async next(scope: Scope, tally: FetchTally, options: FetchOptions): Promise<Lease | null> {
    for (;;) {
      options.signal?.throwIfAborted();
      const lease = await this.fetches.leaseNext(randomUUID(), this.fetcher.leaseMs, scope);
      if (lease?.runId == null) return lease;
      await this.serve(lease, lease.runId, tally, options);
    }
  }

  /** Fetches a tracker for its own run. That it was not answered is the run's affair and stops nothing else. */
  private async serve(lease: Lease, runId: string, tally: FetchTally, options: FetchOptions): Promise<void> {
    try {
      await this.imports.takeIn(new OneTrackerSource(lease, this.door(tally, options)), {
        kind: 'find-my',
        name: this.fetcher.sourceName,
        runId,
        alongside: (session) => this.fetches.completeAnswered(lease, session),
        ...(options.signal && { signal: options.signal }),
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof ImportBrokenError)) throw error;
      this.logger.warn(`run ${runId}, ${lease.tracker}: ${error.message}`);
    } finally {
      await this.fetches.giveBack(lease); // does nothing where the attempt has ended
    }
  }

  private door(tally: FetchTally, { onOutcome, signal }: FetchOptions): SourceDoor {
    return {
      fetcher: this.fetcher,
      fetches: this.fetches,
      onOutcome: (outcome) => {
        tally.add(outcome);
        onOutcome?.(outcome);
      },
      signal: signal ?? new AbortController().signal,
    };
  }

  private async requireKeys(trackerId: string, name: string): Promise<void> {
    if (await this.keys.hasKeys(trackerId)) return;
    throw new DomainError(
      'BAD_USER_INPUT',
      `The tracker ${JSON.stringify(name)} has no private key, so its reports cannot be read. ` +
        'Import it with: tracker keys import',
      { details: { argument: 'trackerId' } },
    );
  }

  private limitRootField<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined); // whoever waits for it is told; the next one begins in any case
    return result;
  }
}
