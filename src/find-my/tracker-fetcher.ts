import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { TrackerKeysService } from '../tracker-keys/tracker-keys.service.js';
import type { SourceBatch } from '../import/report-source.js';
import { EndpointCaller } from './endpoint-caller.js';
import { FetchesRepository, type Lease } from './fetches.repository.js';
import { type ParsedAnswer, parseAnswer } from './parse-answer.js';

/** Apple accepts about 290 keys in a call. */
const KEYS_PER_CALL = 250;

/** Added to the lease for processing the answer; once it expires, another process may fetch the tracker. */
const LEASE_MARGIN_MS = 60_000;

/** The lease expired while its holder waited, and another process has leased the tracker. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** Requests the reports of one tracker from the endpoint, and decrypts them. */
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

  /** Name of the endpoint, for the ledger. @throws DomainError `BAD_CONFIGURATION` when none is configured. */
  get sourceName(): string {
    return this.endpoint().endpoint.name;
  }

  /**
   * Checks that this process can fetch at all.
   *
   * @throws DomainError `BAD_CONFIGURATION` that names the missing setting.
   */
  async verify(): Promise<void> {
    this.endpoint();
    await this.keys.verifyReadable();
  }

  /** @throws DomainError `BAD_USER_INPUT` for a tracker without private keys. */
  async requireKeys(trackerId: string, name: string): Promise<void> {
    if (await this.keys.hasKeys(trackerId)) return;
    throw new DomainError(
      'BAD_USER_INPUT',
      `The tracker ${JSON.stringify(name)} has no private key, so its reports cannot be decrypted. ` +
        'Import the key with: tracker keys import FILE',
      { details: { argument: 'trackerId' } },
    );
  }

  /**
   * Requests the reports of all keys of a tracker. Its keys share calls, but never with keys of another tracker: of two
   * reports of the same second, the endpoint returns only one.
   *
   * @param position of the first report within its run.
   * @returns the reports; none for a tracker whose keys were removed meanwhile.
   * @throws NotAnsweredError, LeaseLostError; DomainError when no tracker can be fetched.
   */
  async fetch(lease: Lease, position: number, signal: AbortSignal): Promise<SourceBatch> {
    const keys = await this.keys.privateKeysOf(lease.trackerId);
    const all: ParsedAnswer = { reports: [], rejected: [] };
    const keepLease = async (): Promise<void> => {
      if (!(await this.fetches.extend(lease, this.leaseMs))) throw new LeaseLostError(lease.tracker);
    };
    for (let begin = 0; begin < keys.length; begin += KEYS_PER_CALL) {
      const requested = keys.slice(begin, begin + KEYS_PER_CALL);
      const hashes = requested.map(({ hashedAdvKey }) => hashedAdvKey);
      const answer = await this.endpoint().fetchReports(hashes, keepLease, signal);
      const { reports, rejected } = await parseAnswer(answer, {
        keys: requested,
        hashedAdvKey: lease.hashedAdvKey,
        position: position + all.reports.length + all.rejected.length,
        now: new Date(),
      });
      all.reports.push(...reports);
      all.rejected.push(...rejected);
    }
    return all;
  }

  /** Creates the caller on first use: a process that only queues fetches does not need it. */
  private endpoint(): EndpointCaller {
    return (this.caller ??= new EndpointCaller(this.config, () =>
      this.fetches.reserveCall(this.config.FIND_MY_MIN_INTERVAL_MS),
    ));
  }
}
