import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { parseId } from '../common/id.js';
import { databaseErrorCode, SQLSTATE, violatedConstraint } from '../database/pg-errors.js';
import { retryTransient } from '../database/retry.js';
import type { CreateTrackerInput } from './dto/create-tracker.input.js';
import { ADVERTISEMENT_KEY } from './dto/tracker-fields.js';
import type { UpdateTrackerInput } from './dto/update-tracker.input.js';
import { HistoryOnDelete } from './history-on-delete.enum.js';
import type { TrackerEntity } from './tracker.entity.js';
import { TrackersRepository } from './trackers.repository.js';

/** Which argument a unique constraint of `trackers` speaks of. */
const TAKEN: Readonly<Record<string, string>> = {
  trackers_name_key: 'name',
  trackers_advertisement_key_key: 'advertisementKey',
  trackers_hashed_adv_key_key: 'hashedAdvertisementKey',
};

/** What of an input may be another tracker's. */
type TakeableInput = Partial<Pick<CreateTrackerInput, 'name' | 'hashedAdvertisementKey'>>;

/** How long an erasure tries to come between those who store reports. */
const ERASE_PATIENCE_MS = 20_000;

@Injectable()
export class TrackersService {
  constructor(private readonly trackers: TrackersRepository) {}

  /** The tracker with this id, or null. @throws DomainError `BAD_USER_INPUT` when it is no id at all. */
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
   * The tracker that advertises this key, as its first or a further one, or null; also one that is registered by the
   * hash of it alone.
   *
   * @throws DomainError `BAD_USER_INPUT` when it is no key.
   */
  async findByAdvertisementKey(key: string): Promise<TrackerEntity | null> {
    if (!ADVERTISEMENT_KEY.test(key)) {
      throw new DomainError('BAD_USER_INPUT', 'key must be base64 of 28 bytes', {
        details: { argument: 'key' },
      });
    }
    return this.trackers.findByHashedKey(hashOf(key));
  }

  /** In the order of the ids; null where there is none. One statement. */
  async findMany(ids: readonly string[]): Promise<(TrackerEntity | null)[]> {
    const byId = new Map((await this.trackers.findByIds(ids)).map((tracker) => [tracker.id, tracker]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  /** Hashed advertisement keys by name; names that nobody has are left out. One statement. */
  async keysOf(names: readonly string[]): Promise<Map<string, string>> {
    const found = await this.trackers.findByNames(names);
    return new Map(found.map((tracker) => [tracker.name, tracker.hashedAdvKey]));
  }

  /** The keys that reports of further keys are kept under; a key that is no tracker's further one is left out. */
  firstKeysOf(hashedAdvKeys: readonly string[]): Promise<Map<string, string>> {
    return this.trackers.firstKeysOf(hashedAdvKeys);
  }

  /** Ids by name; names that nobody has are left out. One statement. */
  async idsOf(names: readonly string[]): Promise<Map<string, string>> {
    const found = await this.trackers.findByNames(names);
    return new Map(found.map((tracker) => [tracker.name, tracker.id]));
  }

  /** In the order of registration. */
  list(limit: number, offset: number): Promise<TrackerEntity[]> {
    return this.trackers.findPage(limit, offset);
  }

  /**
   * Registers a tracker; its hashed key is computed where its key is given.
   *
   * @throws DomainError `BAD_USER_INPUT` without any key or with two that do not belong together, `CONFLICT` when
   * another tracker has the name or the key.
   */
  async create(input: CreateTrackerInput): Promise<TrackerEntity> {
    const hashedAdvKey = hashedKeyOf(input);
    return refuseTaken(input, () =>
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
   * Changes what is given of a tracker.
   *
   * @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`, `CONFLICT` when another tracker has the name, or the key is
   * that of another tracker: history is kept by key.
   */
  async update(id: string, input: UpdateTrackerInput): Promise<TrackerEntity> {
    const tracker = await this.get(id, 'id');
    if (input.advertisementKey != null && hashOf(input.advertisementKey) !== tracker.hashedAdvKey) {
      throw new DomainError(
        'CONFLICT',
        'This is the key of another tracker: history is kept by key, so register a tracker with it',
        { details: { argument: 'advertisementKey' } },
      );
    }
    await refuseTaken(input, () =>
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
   * Deletes a tracker; its history is kept for when its key is registered again, or erased in every layer.
   *
   * @returns its id, and how many reports were erased.
   * @throws DomainError `BAD_USER_INPUT` (id), `NOT_FOUND`, `CONFLICT` when something else in the database refers to it, or
   * writers of raw reports are at work for long.
   */
  async delete(id: string, history: HistoryOnDelete): Promise<{ id: string; erasedReports: number }> {
    const tracker = await this.get(id, 'id');
    try {
      if (history === HistoryOnDelete.ERASE) {
        const erase = (): Promise<number> => this.trackers.erase(tracker.id);
        return { id: tracker.id, erasedReports: await retryTransient(erase, ERASE_PATIENCE_MS) };
      }
      await this.trackers.delete(tracker.id);
      return { id: tracker.id, erasedReports: 0 };
    } catch (error) {
      if (databaseErrorCode(error) !== SQLSTATE.foreignKeyViolation) throw error;
      throw new DomainError('CONFLICT', 'Something else in the database refers to this tracker', {
        cause: error,
        details: { argument: 'id' },
      });
    }
  }
}

/** @throws DomainError `CONFLICT` where the work fails because another tracker has what is to be unique. */
async function refuseTaken<T>(input: TakeableInput, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const argument = takenArgument(error, input);
    if (databaseErrorCode(error) !== SQLSTATE.uniqueViolation || !argument) throw error;
    throw new DomainError('CONFLICT', `Another tracker has this ${argument}`, {
      cause: error,
      details: { argument },
    });
  }
}

/** The argument that collides, as the caller gave it: who gave the key alone knows of no hash. */
function takenArgument(error: unknown, input: TakeableInput): string | undefined {
  const argument = TAKEN[violatedConstraint(error) ?? ''];
  return argument === 'hashedAdvertisementKey' && input.hashedAdvertisementKey == null
    ? 'advertisementKey'
    : argument;
}

function hashedKeyOf(input: CreateTrackerInput): string {
  const wrong = (message: string): DomainError =>
    new DomainError('BAD_USER_INPUT', message, { details: { argument: 'hashedAdvertisementKey' } });
  if (input.advertisementKey == null) {
    if (input.hashedAdvertisementKey == null) {
      throw wrong('One of advertisementKey and hashedAdvertisementKey is needed');
    }
    return input.hashedAdvertisementKey;
  }
  const computed = hashOf(input.advertisementKey);
  if (input.hashedAdvertisementKey != null && input.hashedAdvertisementKey !== computed) {
    throw wrong('hashedAdvertisementKey is not the SHA-256 of advertisementKey');
  }
  return computed;
}

function hashOf(advertisementKey: string): string {
  return createHash('sha256').update(Buffer.from(advertisementKey, 'base64')).digest('base64');
}
