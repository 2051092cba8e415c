import { Inject, Injectable } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { TrackerKeysService } from '../tracker-keys/tracker-keys.service.js';
import { EndpointCaller } from './endpoint-caller.js';
import { FetchesRepository, type Lease } from './fetches.repository.js';
import { type ReadAnswer, readAnswer } from './read-answer.js';

/** Keys of one call: Apple takes about 290. */
const KEYS_A_CALL = 250;

/** A lease outlives a call, and what is done with its answer, by this; then others may ask. */
const LEASE_MARGIN_MS = 60_000;

/** The lease ran out while its holder waited, and another has the tracker now: theirs is the answer that counts. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** Asks the endpoint for one tracker, and decrypts what it answers. */
@Injectable()
export class TrackerFetcher {
  readonly leaseMs: number;
  private caller: EndpointCaller | undefined;

  constructor(
    private readonly fetches: FetchesRepository,
    private readonly keys: TrackerKeysService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {
    this.leaseMs = config.FIND_MY_TIMEOUT_MS + config.FIND_MY_MIN_INTERVAL_MS + LEASE_MARGIN_MS;
  }

  /** Where reports come from, for people. @throws DomainError `BAD_CONFIGURATION` where no endpoint is configured. */
  get sourceName(): string {
    return this.endpoint().endpoint.name;
  }

  /**
   * Makes sure that a fetch can be done at all.
   *
   * @throws DomainError `BAD_CONFIGURATION` that says what is missing.
   */
  async verify(): Promise<void> {
    this.endpoint();
    await this.keys.verifyReadable();
  }

  /**
   * Asks for all keys of a tracker: in one call, and in no call with those of another, because of two reports of the
   * same second the endpoint answers one.
   *
   * @param position of the first report in its run.
   * @returns what the answer holds, and undefined of a tracker that has no keys (any more).
   * @throws NotAnsweredError, LeaseLostError; DomainError when no tracker can be asked for.
   */
  async fetch(lease: Lease, position: number, signal: AbortSignal): Promise<ReadAnswer | undefined> {
    const keys = await this.keys.privateKeysOf(lease.trackerId);
    if (keys.length === 0) return undefined;
    const all: ReadAnswer = { reports: [], rejected: [] };
    const keepLease = async (): Promise<void> => {
      if (!(await this.fetches.extend(lease, this.leaseMs))) throw new LeaseLostError(lease.tracker);
    };
    for (let begin = 0; begin < keys.length; begin += KEYS_A_CALL) {
      const asked = keys.slice(begin, begin + KEYS_A_CALL);
      const hashes = asked.map(({ hashedAdvKey }) => hashedAdvKey);
      const answer = await this.endpoint().ask(hashes, keepLease, signal);
      const { reports, rejected } = await readAnswer(answer, {
        keys: asked,
        hashedAdvKey: lease.hashedAdvKey,
        position: position + all.reports.length + all.rejected.length,
        now: new Date(),
      });
      all.reports.push(...reports);
      all.rejected.push(...rejected);
    }
    return all;
  }

  /** Made at the first use: a process that only queues fetches needs none. */
  private endpoint(): EndpointCaller {
    return (this.caller ??= new EndpointCaller(this.config, () =>
      this.fetches.nextCall(this.config.FIND_MY_MIN_INTERVAL_MS),
    ));
  }
}
