import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, Repository } from 'typeorm';
import { TrackerEntity } from './tracker.entity.js';

/** The columns of a new tracker; the database fills in the rest. */
export type NewTracker = Pick<TrackerEntity, 'name' | 'hashedAdvKey'> &
  Partial<Pick<TrackerEntity, 'advertisementKey' | 'macAddress' | 'currentStatus'>>;

/** The columns to change; an undefined column stays unchanged. */
export type TrackerChange = Partial<
  Pick<TrackerEntity, 'name' | 'advertisementKey' | 'macAddress' | 'currentStatus'>
>;

/** How long a deletion waits for the lock on raw reports before it fails and is retried. */
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

  /** The tracker that has this key, as its first or an additional key. */
  async findByHashedAdvKey(hashedAdvKey: string): Promise<TrackerEntity | null> {
    const first = (await this.firstKeysOf([hashedAdvKey])).get(hashedAdvKey);
    return this.trackers.findOneBy({ hashedAdvKey: first ?? hashedAdvKey });
  }

  /** Maps additional keys to the first key of their tracker; other keys are left out. */
  async firstKeysOf(hashedAdvKeys: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.trackers.query<{ additional: string; first: string }[]>(
      `SELECT k.hashed_adv_key AS additional, t.hashed_adv_key AS first
       FROM tracker_keys AS k JOIN trackers AS t ON t.id = k.tracker_id
       WHERE k.hashed_adv_key = ANY ($1) AND k.hashed_adv_key <> t.hashed_adv_key`,
      [hashedAdvKeys],
    );
    return new Map(rows.map(({ additional, first }) => [additional, first]));
  }

  findPage(limit: number, offset: number): Promise<TrackerEntity[]> {
    return this.trackers.find({ order: { id: 'ASC' }, take: limit, skip: offset });
  }

  /** @throws the driver's unique violation (23505) when another tracker has the name or a key. */
  async insert(tracker: NewTracker): Promise<TrackerEntity> {
    const { identifiers } = await this.trackers.insert(tracker);
    return this.trackers.findOneByOrFail({ id: String(identifiers[0]?.['id']) });
  }

  /** @throws the driver's unique violation (23505) when another tracker has the name or the key. */
  async update(id: string, change: TrackerChange): Promise<void> {
    await this.trackers.update({ id }, { ...change, updatedAt: () => 'now()' });
  }

  /** Deletes a tracker and keeps its history, which becomes visible again when its key is registered again. */
  async delete(id: string): Promise<void> {
    await this.trackers.delete({ id });
  }

  /**
   * Deletes a tracker with its history in every layer and with the identities of its reports.
   *
   * @returns the number of reports erased.
   * @throws 55P03 when writers of raw reports hold the lock for longer than LOCK_TIMEOUT.
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
