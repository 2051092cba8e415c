import { DomainError } from '../common/errors/domain-error.js';
import type { ReportSource, SourceBatch } from '../import/report-source.js';
import { NotAnsweredError } from './find-my-endpoint.js';
import type { FetchesRepository, Lease } from './fetches.repository.js';
import type { FetchOutcome } from './fetch-summary.js';
import { LeaseLostError, type TrackerFetcher } from './tracker-fetcher.js';

const FORMAT = 'find-my';
const NOTHING: SourceBatch = { reports: [], rejected: [] };

/** What a source needs of its surroundings. */
export interface SourceDoor {
  fetcher: TrackerFetcher;
  fetches: FetchesRepository;
  /** Told of every tracker when all about it is stored. */
  onOutcome: (outcome: FetchOutcome) => void;
  signal: AbortSignal;
}

/**
 * The Find My network as a source of reports: one tracker after the other, a batch each. That a tracker was answered is
 * noted in the transaction that stores its reports, so a process that dies in between has lost nothing: the tracker's
 * lease runs out, and another asks.
 */
export class TrackersSource implements ReportSource {
  readonly format = FORMAT;
  private position = 1;

  /** @param next the next tracker of the same fetch; null when there is none. */
  constructor(
    private readonly first: Lease,
    private readonly next: () => Promise<Lease | null>,
    private readonly door: SourceDoor,
  ) {}

  async *batches(): AsyncGenerator<SourceBatch> {
    const { fetches, onOutcome } = this.door;
    for (let lease: Lease | null = this.first; lease; lease = await this.next()) {
      const { tracker } = lease;
      try {
        const asked = await this.ask(lease);
        if (typeof asked === 'string') onOutcome({ tracker, failure: asked });
        else if (asked) {
          yield { ...asked, alongside: fetches.completeAnswered.bind(fetches, lease) };
          onOutcome({ tracker, reports: asked.reports.length + asked.rejected.length });
        }
      } finally {
        await fetches.giveBack(lease); // does nothing where the attempt has ended
      }
    }
  }

  /** The answer; or why there is none; undefined where another process has the tracker. */
  private async ask(lease: Lease): Promise<SourceBatch | string | undefined> {
    const { fetcher, fetches, signal } = this.door;
    try {
      const answer = (await fetcher.fetch(lease, this.position, signal)) ?? NOTHING;
      this.position += answer.reports.length + answer.rejected.length;
      return answer;
    } catch (error) {
      if (error instanceof LeaseLostError) return undefined;
      if (!(error instanceof NotAnsweredError)) throw error;
      await fetches.completeUnanswered(lease, error.message);
      return error.message;
    }
  }
}

/**
 * One tracker, for a run of its own: without an answer the run has failed. That the tracker was answered belongs into
 * the transaction that completes the run; see {@link FetchesRepository.completeAnswered}.
 */
export class OneTrackerSource implements ReportSource {
  readonly format = FORMAT;

  constructor(
    private readonly lease: Lease,
    private readonly door: SourceDoor,
  ) {}

  async *batches(): AsyncGenerator<SourceBatch> {
    const { fetcher, fetches, onOutcome, signal } = this.door;
    const { tracker } = this.lease;
    try {
      const answer = (await fetcher.fetch(this.lease, 1, signal)) ?? NOTHING;
      yield answer;
      onOutcome({ tracker, reports: answer.reports.length + answer.rejected.length });
    } catch (error) {
      signal.throwIfAborted();
      const failure = error instanceof Error ? error.message : String(error);
      await fetches.completeUnanswered(this.lease, failure);
      onOutcome({ tracker, failure });
      if (!(error instanceof NotAnsweredError)) throw error;
      throw new DomainError('UNAVAILABLE', `The Find My endpoint did not answer: ${failure}`, {
        cause: error,
      });
    }
  }
}
