import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, Repository } from 'typeorm';
import { TrackerEntity } from './tracker.entity.js';

/** What a new tracker brings along; the database fills in the rest. */
export type NewTracker = Pick<TrackerEntity, 'name' | 'hashedAdvKey'> &
  Partial<Pick<TrackerEntity, 'advertisementKey' | 'macAddress' | 'currentStatus'>>;

/** What of a tracker may change; `undefined` stays as it is. */
export type TrackerChange = Partial<
  Pick<TrackerEntity, 'name' | 'advertisementKey' | 'macAddress' | 'currentStatus'>
>;

/** How long a deletion waits for writers of raw reports before it gives way and is tried again. */
const LOCK_TIMEOUT = '2s';

@Injectable()
export class TrackersRepository {
  constructor(@InjectRepository(TrackerEntity) private readonly trackers: Repository<TrackerEntity>) {}

  findById(id: string): Promise<TrackerEntity | null> {
    return this.trackers.findOneBy({ id });
  }

  findByIds(ids: readonly string[]): Promise<TrackerEntity[]> {
    return this.trackers.findBy({ id: In([...ids]) });
  }

  findByNames(names: readonly string[]): Promise<TrackerEntity[]> {
    return this.trackers.findBy({ name: In([...names]) });
  }

  /** By the first key of a tracker, or by a further one. */
  async findByHashedKey(hashedAdvKey: string): Promise<TrackerEntity | null> {
    const first = (await this.firstKeysOf([hashedAdvKey])).get(hashedAdvKey);
    return this.trackers.findOneBy({ hashedAdvKey: first ?? hashedAdvKey });
  }

  /** The first keys of trackers by their further ones; keys that are no further ones are left out. */
  async firstKeysOf(hashedAdvKeys: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.trackers.query<{ further: string; first: string }[]>(
      `SELECT k.hashed_adv_key AS further, t.hashed_adv_key AS first
       FROM tracker_keys AS k JOIN trackers AS t ON t.id = k.tracker_id
       WHERE k.hashed_adv_key = ANY ($1) AND k.hashed_adv_key <> t.hashed_adv_key`,
      [hashedAdvKeys],
    );
    return new Map(rows.map(({ further, first }) => [further, first]));
  }

  findPage(limit: number, offset: number): Promise<TrackerEntity[]> {
    return this.trackers.find({ order: { id: 'ASC' }, take: limit, skip: offset });
  }

  /** @throws the driver's unique violation (23505) when the name or a key is taken. */
  async insert(tracker: NewTracker): Promise<TrackerEntity> {
    const { identifiers } = await this.trackers.insert(tracker);
    return this.trackers.findOneByOrFail({ id: String(identifiers[0]?.['id']) });
  }

  /** @throws the driver's unique violation (23505) when the name or the key is taken. */
  async update(id: string, change: TrackerChange): Promise<void> {
    await this.trackers.update({ id }, { ...change, updatedAt: () => 'now()' });
  }

  /** Deletes a tracker and leaves its history where it is, to be seen again when its key is registered again. */
  async delete(id: string): Promise<void> {
    await this.trackers.delete({ id });
  }

  /**
   * Deletes a tracker with its history in every layer, and with what is known of its reports.
   *
   * @returns how many reports its history was of.
   * @throws 55P03 when writers of raw reports are at work for longer than a moment.
   */
  erase(id: string): Promise<number> {
    return this.trackers.manager.transaction(async (manager) => {
      await manager.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      const [{ reports }] = await manager.query<[{ reports: number }]>(
        'SELECT erase_tracker_history($1)::float8 AS reports',
        [id],
      );
      await manager.delete(TrackerEntity, { id });
      return reports;
    });
  }
}
