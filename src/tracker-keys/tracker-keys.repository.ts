import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { EncryptedKey } from './encryption-keys.js';

/** A key as it is kept. */
export interface StoredKey extends EncryptedKey {
  id: string;
  trackerId: string;
  hashedAdvKey: string;
}

/** A key as it may be shown. */
export interface ListedKey {
  tracker: string;
  hashedAdvKey: string;
  /** Whether reports are kept under it. */
  isFirst: boolean;
  encryptionKeyId: string;
  createdAt: Date;
}

/** What is known of a key, or of a name, before it is imported. */
export interface KnownTracker {
  id: string;
  name: string;
  hashedAdvKey: string;
  /** Those of the keys asked for that are kept for it. */
  keptKeys: string[];
}

export interface NewKey extends EncryptedKey {
  advertisementKey: string;
  hashedAdvKey: string;
}

const STORED = `id, tracker_id AS "trackerId", hashed_adv_key AS "hashedAdvKey", sealed_private_key AS sealed,
  encryption_key_id AS "encryptionKeyId"`;

@Injectable()
export class TrackerKeysRepository {
  constructor(private readonly db: DataSource) {}

  /** Trackers that have one of these keys, as first or further one, or this name. */
  findOwners(hashedAdvKeys: readonly string[], name: string): Promise<KnownTracker[]> {
    return this.db.query(sqlFile('queries/tracker-keys/find-owners'), [hashedAdvKeys, name]);
  }

  /**
   * Adds keys to a tracker; those that are there stay as they are. Fills in the tracker's own advertisement key and
   * address where it has none.
   *
   * @returns how many were added.
   * @throws the driver's unique violation (23505) when one belongs to another tracker.
   */
  async add(trackerId: string, keys: readonly NewKey[], macAddress: string | null): Promise<number> {
    const [{ added }] = await this.db.query<[{ added: number }]>(sqlFile('queries/tracker-keys/add'), [
      trackerId,
      keys.map(({ advertisementKey }) => advertisementKey),
      keys.map(({ hashedAdvKey }) => hashedAdvKey),
      keys.map(({ sealed }) => sealed),
      keys.map(({ encryptionKeyId }) => encryptionKeyId),
      macAddress,
    ]);
    return added;
  }

  /** The keys of a tracker, its first one first. */
  findByTracker(trackerId: string): Promise<StoredKey[]> {
    return this.db.query(`SELECT ${STORED} FROM tracker_keys WHERE tracker_id = $1 ORDER BY id`, [trackerId]);
  }

  /** All keys, in the order of trackers' names. */
  list(): Promise<ListedKey[]> {
    return this.db.query(
      `SELECT t.name AS tracker, k.hashed_adv_key AS "hashedAdvKey", k.hashed_adv_key = t.hashed_adv_key AS "isFirst",
         k.encryption_key_id AS "encryptionKeyId", k.created_at AS "createdAt"
       FROM tracker_keys AS k JOIN trackers AS t ON t.id = k.tracker_id ORDER BY t.name, "isFirst" DESC, k.id`,
    );
  }

  /** How many keys are encrypted with which encryption key. */
  async countByEncryptionKey(): Promise<Map<string, number>> {
    const rows = await this.db.query<{ id: string; keys: number }[]>(
      'SELECT encryption_key_id AS id, count(*)::int AS keys FROM tracker_keys GROUP BY 1 ORDER BY 1',
    );
    return new Map(rows.map(({ id, keys }) => [id, keys]));
  }

  /**
   * Encrypts some of the keys anew that were encrypted with one of these encryption keys, in one transaction; rows that
   * another process is at are left to it.
   *
   * @returns how many there were; 0 when none is left.
   */
  async reseal(
    encryptionKeyIds: readonly string[],
    limit: number,
    seal: (key: StoredKey) => EncryptedKey,
  ): Promise<number> {
    return this.db.transaction(async (session: EntityManager) => {
      const keys = await session.query<StoredKey[]>(
        `SELECT ${STORED} FROM tracker_keys WHERE encryption_key_id = ANY ($1) ORDER BY id LIMIT $2
         FOR UPDATE SKIP LOCKED`,
        [encryptionKeyIds, limit],
      );
      const anew = keys.map(seal);
      await session.query(
        `UPDATE tracker_keys AS k SET sealed_private_key = anew.sealed, encryption_key_id = anew.key_id
         FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS anew (id, sealed, key_id) WHERE k.id = anew.id`,
        [keys.map(({ id }) => id), anew.map(({ sealed }) => sealed), anew.map((key) => key.encryptionKeyId)],
      );
      return keys.length;
    });
  }
}
