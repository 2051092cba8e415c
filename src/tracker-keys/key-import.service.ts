import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { validateInput } from '../common/validate-input.js';
import { toDomainError } from '../common/errors/pg-errors.js';
import { CreateTrackerInput } from '../trackers/dto/create-tracker.input.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { type KeyFileEntry, readKeyFile } from './key-file.js';
import { type KnownTracker, TrackerKeysRepository } from './tracker-keys.repository.js';
import { TrackerKeysService } from './tracker-keys.service.js';

/** The result for one entry of a key file. */
export interface KeyImportOutcome {
  /** Position in the file, e.g. `device 2`; the name is part of the JSON output. */
  place: string;
  name?: string;
  outcome: 'registered' | 'extended' | 'unchanged' | 'refused';
  /** Number of keys added. */
  keysAdded: number;
  /** Details, if there are any. */
  message?: string;
}

/** Imports trackers and their keys from key files. */
@Injectable()
export class KeyImportService {
  constructor(
    private readonly repository: TrackerKeysRepository,
    private readonly keys: TrackerKeysService,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Registers the unknown trackers of a file, and adds the keys of the known ones. Entries are independent: a refused
   * entry does not stop the others. Importing a file again changes nothing.
   *
   * @throws DomainError `BAD_USER_INPUT` when the text is not a key file, `BAD_CONFIGURATION` without an encryption key.
   */
  async *import(text: string): AsyncGenerator<KeyImportOutcome> {
    this.keys.requireEncryption();
    for (const entry of readKeyFile(text)) {
      const { position, name } = entry;
      const about = { place: position, ...(name !== undefined && { name }) };
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
      const owner = await this.findOwner({ ...entry, name: input.name });
      const { id } = owner ?? (await this.trackers.create(input));
      const keysAdded = await this.keys.add(id, entry.keys, entry.macAddress ?? null);
      const outcome = !owner ? 'registered' : keysAdded > 0 ? 'extended' : 'unchanged';
      const nameNote =
        owner && owner.name !== input.name
          ? `already registered as ${JSON.stringify(owner.name)}`
          : undefined;
      return { outcome, keysAdded, ...(nameNote !== undefined && { message: nameNote }) };
    } catch (error) {
      const problem = toDomainError(error);
      if (!(problem instanceof DomainError) || problem.code === 'UNAVAILABLE') throw problem;
      return { outcome: 'refused', keysAdded: 0, message: problem.message };
    }
  }

  /**
   * Finds the tracker that has one of the keys, or else the name.
   *
   * @throws DomainError `CONFLICT` if they are several.
   */
  private async findOwner({ name, keys }: KeyFileEntry): Promise<KnownTracker | undefined> {
    const hashes = keys.map(({ hashedAdvKey }) => hashedAdvKey);
    const found = await this.repository.findOwners(hashes, name);
    const byKey = found.filter((owner) => owner.storedKeys.length > 0 || hashes.includes(owner.hashedAdvKey));
    const [owner, second] = byKey.length > 0 ? byKey : found;
    const conflicting = second ?? found.find((tracker) => tracker.name === name && tracker !== owner);
    if (owner && conflicting) {
      const names = [owner, conflicting].map((tracker) => JSON.stringify(tracker.name)).join(' and ');
      throw new DomainError('CONFLICT', `keys and name belong to different trackers: ${names}`);
    }
    return owner;
  }
}
