import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { validateInput } from '../common/validate-input.js';
import { toDomainError } from '../database/pg-errors.js';
import { CreateTrackerInput } from '../trackers/dto/create-tracker.input.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { type KeyFileEntry, readKeyFile } from './key-file.js';
import { type KnownTracker, TrackerKeysRepository } from './tracker-keys.repository.js';
import { TrackerKeysService } from './tracker-keys.service.js';

/** What became of one entry of a file of keys. */
export interface KeyImportOutcome {
  /** Where it stands in the file. */
  place: string;
  name?: string;
  outcome: 'registered' | 'extended' | 'unchanged' | 'refused';
  /** How many keys were not there before. */
  keysAdded: number;
  /** Where there is more to say. */
  message?: string;
}

/** Takes trackers and their keys from files. */
@Injectable()
export class KeyImportService {
  constructor(
    private readonly repository: TrackerKeysRepository,
    private readonly keys: TrackerKeysService,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Registers the trackers of a file that are not there, and adds the keys of those that are. Each entry for itself: a
   * refused one does not keep the others out. Importing a file again changes nothing.
   *
   * @throws DomainError `BAD_USER_INPUT` when it is no file of keys, `BAD_CONFIGURATION` without an encryption key.
   */
  async *import(text: string): AsyncGenerator<KeyImportOutcome> {
    this.keys.encryption();
    for (const entry of readKeyFile(text)) {
      const { place, name } = entry;
      const about = { place, ...(name !== undefined && { name }) };
      if ('problem' in entry) yield { ...about, outcome: 'refused', keysAdded: 0, message: entry.problem };
      else yield { ...about, ...(await this.importEntry(entry)) };
    }
  }

  private async importEntry(entry: KeyFileEntry): Promise<Omit<KeyImportOutcome, 'place' | 'name'>> {
    try {
      const [first] = entry.keys;
      const input = validateInput<CreateTrackerInput>(CreateTrackerInput, {
        name: entry.name,
        advertisementKey: first?.advertisementKey ?? null,
        macAddress: entry.macAddress ?? null,
      });
      const owner = await this.ownerOf({ ...entry, name: input.name });
      const { id } = owner ?? (await this.trackers.create(input));
      const keysAdded = await this.keys.add(id, entry.keys, entry.macAddress ?? null);
      const outcome = !owner ? 'registered' : keysAdded > 0 ? 'extended' : 'unchanged';
      const known =
        owner && owner.name !== input.name ? `it is the tracker ${JSON.stringify(owner.name)}` : undefined;
      return { outcome, keysAdded, ...(known !== undefined && { message: known }) };
    } catch (error) {
      const problem = toDomainError(error);
      if (!(problem instanceof DomainError) || problem.code === 'UNAVAILABLE') throw problem;
      return { outcome: 'refused', keysAdded: 0, message: problem.message };
    }
  }

  /** The tracker that has one of the keys, else the one that has the name; undefined where there is none. */
  private async ownerOf({ name, keys }: KeyFileEntry): Promise<KnownTracker | undefined> {
    const hashes = keys.map(({ hashedAdvKey }) => hashedAdvKey);
    const found = await this.repository.findOwners(hashes, name);
    const byKey = found.filter((owner) => owner.keptKeys.length > 0 || hashes.includes(owner.hashedAdvKey));
    const [owner, another] = byKey.length > 0 ? byKey : found;
    const rival = another ?? found.find((tracker) => tracker.name === name && tracker !== owner);
    if (owner && rival) {
      const names = [owner, rival].map((tracker) => JSON.stringify(tracker.name)).join(' and ');
      throw new DomainError('CONFLICT', `its keys and its name belong to different trackers: ${names}`);
    }
    return owner;
  }
}
