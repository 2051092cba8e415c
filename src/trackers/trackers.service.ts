import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { databaseErrorCode, SQLSTATE, violatedConstraint } from '../common/errors/pg-errors.js';
import { retryTransient } from '../database/retry.js';
import type { CreateTrackerInput } from './dto/create-tracker.input.js';
import { ADVERTISEMENT_KEY } from './dto/tracker-fields.js';
import type { UpdateTrackerInput } from './dto/update-tracker.input.js';
import { HistoryOnDelete } from './history-on-delete.enum.js';
import type { TrackerEntity } from './tracker.entity.js';
import { TrackersRepository } from './trackers.repository.js';

/** The argument that each unique constraint of `trackers` checks. */
const ARGUMENTS_OF_CONSTRAINTS: Readonly<Record<string, string>> = {
  trackers_name_key: 'name',
  trackers_advertisement_key_key: 'advertisementKey',
  trackers_hashed_adv_key_key: 'hashedAdvertisementKey',
};

/** The fields of an input that must be unique. */
type UniqueInput = Partial<Pick<CreateTrackerInput, 'name' | 'hashedAdvertisementKey'>>;

/** How long an erasure retries while writers hold the lock on raw reports. */
const ERASE_RETRY_MS = 20_000;

@Injectable()
export class TrackersService {
  constructor(private readonly trackers: TrackersRepository) {}

  /** The tracker with this id, or null. @throws DomainError `BAD_USER_INPUT` when the text is not an id. */
  find(id: string): Promise<TrackerEntity | null> {
    return this.trackers.findById(parseId(id, 'id'));
  }

  /** The tracker with this id. @throws DomainError `NOT_FOUND`, `BAD_USER_INPUT`; both name the argument. */
  async get(id: string, argument = 'trackerId'): Promise<TrackerEntity> {
    const tracker = await this.trackers.findById(parseId(id, argument));
    if (!tracker) {
      throw new DomainError('NOT_FOUND', `There is no tracker with the id ${id}`, { details: { argument } });
    }
    return tracker;
  }

  /**
   * The tracker that advertises this key, as its first or an additional key, or null. Also finds a tracker that is
   * registered by the hash of the key.
   *
   * @throws DomainError `BAD_USER_INPUT` when the text is not a key.
   */
  async findByAdvertisementKey(key: string): Promise<TrackerEntity | null> {
    if (!ADVERTISEMENT_KEY.test(key)) {
      throw new DomainError('BAD_USER_INPUT', 'key must be base64 of 28 bytes', {
        details: { argument: 'key' },
      });
    }
    return this.trackers.findByHashedAdvKey(hashAdvertisementKey(key));
  }

  /** The trackers in the order of the ids; null for an id without a tracker. One statement. */
  async findMany(ids: readonly string[]): Promise<(TrackerEntity | null)[]> {
    const byId = new Map((await this.trackers.findByIds(ids)).map((tracker) => [tracker.id, tracker]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  /** Hashed advertisement keys by tracker name; unknown names are left out. One statement. */
  async keysOf(names: readonly string[]): Promise<Map<string, string>> {
    const found = await this.trackers.findByNames(names);
    return new Map(found.map((tracker) => [tracker.name, tracker.hashedAdvKey]));
  }

  /** Maps additional keys to the first key, under which reports are stored; other keys are left out. */
  firstKeysOf(hashedAdvKeys: readonly string[]): Promise<Map<string, string>> {
    return this.trackers.firstKeysOf(hashedAdvKeys);
  }

  /** Ids by tracker name; unknown names are left out. One statement. */
  async idsOf(names: readonly string[]): Promise<Map<string, string>> {
    const found = await this.trackers.findByNames(names);
    return new Map(found.map((tracker) => [tracker.name, tracker.id]));
  }

  /** Trackers in the order of registration. */
  list(limit: number, offset: number): Promise<TrackerEntity[]> {
    return this.trackers.findPage(limit, offset);
  }

  /**
   * Registers a tracker; its hashed key is computed from its key, if given.
   *
   * @throws DomainError `BAD_USER_INPUT` without any key, or with a hash that does not match the key; `CONFLICT` when
   * another tracker has the name or the key.
   */
  async create(input: CreateTrackerInput): Promise<TrackerEntity> {
    const hashedAdvKey = hashedAdvKeyOf(input);
    return translateUniqueViolation(input, () =>
      this.trackers.insert({
        name: input.name,
        hashedAdvKey,
        advertisementKey: input.advertisementKey ?? null,
        macAddress: input.macAddress ?? null,
        ...(input.currentStatus && { currentStatus: input.currentStatus }),
      }),
    );
  }

  /**
   * Changes the given fields of a tracker.
   *
   * @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`; `CONFLICT` when another tracker has the name, or the key
   * does not match the tracker's hash.
   */
  async update(id: string, input: UpdateTrackerInput): Promise<TrackerEntity> {
    const tracker = await this.get(id, 'id');
    if (
      input.advertisementKey != null &&
      hashAdvertisementKey(input.advertisementKey) !== tracker.hashedAdvKey
    ) {
      throw new DomainError(
        'CONFLICT',
        'advertisementKey does not match the hashedAdvertisementKey of this tracker. History is kept by key: register another tracker for this key',
        { details: { argument: 'advertisementKey' } },
      );
    }
    await translateUniqueViolation(input, () =>
      this.trackers.update(tracker.id, {
        ...(input.name !== undefined && { name: input.name }),
        ...(input.advertisementKey != null && { advertisementKey: input.advertisementKey }),
        ...(input.macAddress !== undefined && { macAddress: input.macAddress }),
        ...(input.currentStatus != null && { currentStatus: input.currentStatus }),
      }),
    );
    return this.get(tracker.id, 'id');
  }

  /**
   * Deletes a tracker. Its history is kept until its key is registered again, or erased from every layer.
   *
   * @returns its id, and the number of reports erased.
   * @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`; `CONFLICT` when another table refers to it, or writers
   * hold the lock on raw reports for longer than ERASE_RETRY_MS.
   */
  async delete(id: string, history: HistoryOnDelete): Promise<{ id: string; erasedReports: number }> {
    const tracker = await this.get(id, 'id');
    try {
      if (history === HistoryOnDelete.ERASE) {
        const erase = (): Promise<number> => this.trackers.erase(tracker.id);
        return { id: tracker.id, erasedReports: await retryTransient(erase, ERASE_RETRY_MS) };
      }
      await this.trackers.delete(tracker.id);
      return { id: tracker.id, erasedReports: 0 };
    } catch (error) {
      if (databaseErrorCode(error) !== SQLSTATE.foreignKeyViolation) throw error;
      throw new DomainError(
        'CONFLICT',
        'Another table of the database refers to this tracker; delete those rows first',
        {
          cause: error,
          details: { argument: 'id' },
        },
      );
    }
  }
}

/** @throws DomainError `CONFLICT` that names the argument when the work violates a unique constraint. */
async function translateUniqueViolation<T>(input: UniqueInput, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const argument = conflictingArgument(error, input);
    if (databaseErrorCode(error) !== SQLSTATE.uniqueViolation || !argument) throw error;
    throw new DomainError('CONFLICT', `Another tracker has this ${argument}`, {
      cause: error,
      details: { argument },
    });
  }
}

/** The conflicting argument: a conflict of the hash is reported for the key if the caller passed only the key. */
function conflictingArgument(error: unknown, input: UniqueInput): string | undefined {
  const argument = ARGUMENTS_OF_CONSTRAINTS[violatedConstraint(error) ?? ''];
  return argument === 'hashedAdvertisementKey' && input.hashedAdvertisementKey == null
    ? 'advertisementKey'
    : argument;
}

function hashedAdvKeyOf(input: CreateTrackerInput): string {
  const invalid = (message: string): DomainError =>
    new DomainError('BAD_USER_INPUT', message, { details: { argument: 'hashedAdvertisementKey' } });
  if (input.advertisementKey == null) {
    if (input.hashedAdvertisementKey == null) {
      throw invalid('advertisementKey or hashedAdvertisementKey is required');
    }
    return input.hashedAdvertisementKey;
  }
  const computed = hashAdvertisementKey(input.advertisementKey);
  if (input.hashedAdvertisementKey != null && input.hashedAdvertisementKey !== computed) {
    throw invalid('hashedAdvertisementKey is not the SHA-256 of advertisementKey');
  }
  return computed;
}

function hashAdvertisementKey(advertisementKey: string): string {
  return createHash('sha256').update(Buffer.from(advertisementKey, 'base64')).digest('base64');
}
