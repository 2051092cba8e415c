import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { sqlFile } from '../database/sql-files.js';
import type { EncryptedKey } from './encryption-keys.js';

/** A key as it is stored. */
export interface StoredKey extends EncryptedKey {
  id: string;
  trackerId: string;
  hashedAdvKey: string;
}

/** A key without its secret. */
export interface ListedKey {
  tracker: string;
  hashedAdvKey: string;
  /** Whether reports are stored under this key. */
  isFirst: boolean;
  encryptionKeyId: string;
  createdAt: Date;
}

/** A tracker found by its keys or its name. */
export interface KnownTracker {
  id: string;
  name: string;
  hashedAdvKey: string;
  /** The searched keys that are stored for it. */
  storedKeys: string[];
}

export interface NewKey extends EncryptedKey {
  advertisementKey: string;
  hashedAdvKey: string;
}

const STORED_KEY_COLUMNS = `id, tracker_id AS "trackerId", hashed_adv_key AS "hashedAdvKey", sealed_private_key AS sealed,
  encryption_key_id AS "encryptionKeyId"`;

@Injectable()
export class TrackerKeysRepository {
  constructor(private readonly db: DataSource) {}

  /** Finds the trackers that have one of these keys, as first or additional key, or this name. */
  findOwners(hashedAdvKeys: readonly string[], name: string): Promise<KnownTracker[]> {
    return this.db.query(sqlFile('queries/tracker-keys/find-owners'), [hashedAdvKeys, name]);
  }

  /**
   * Adds keys to a tracker; keys that it has already stay as they are. Sets the tracker's advertisement key and MAC
   * address if it has none.
   *
   * @returns the number of keys added.
   * @throws the driver's unique violation (23505) when a key belongs to another tracker.
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

  /** The keys of a tracker, its first key first. */
  findByTracker(trackerId: string): Promise<StoredKey[]> {
    return this.db.query(`SELECT ${STORED_KEY_COLUMNS} FROM tracker_keys WHERE tracker_id = $1 ORDER BY id`, [
      trackerId,
    ]);
  }

  /** All keys, ordered by the names of the trackers. */
  list(): Promise<ListedKey[]> {
    return this.db.query(
      `SELECT t.name AS tracker, k.hashed_adv_key AS "hashedAdvKey", k.hashed_adv_key = t.hashed_adv_key AS "isFirst",
         k.encryption_key_id AS "encryptionKeyId", k.created_at AS "createdAt"
       FROM tracker_keys AS k JOIN trackers AS t ON t.id = k.tracker_id ORDER BY t.name, "isFirst" DESC, k.id`,
    );
  }

  /** Number of keys by the id of the encryption key. */
  async countByEncryptionKey(): Promise<Map<string, number>> {
    const rows = await this.db.query<{ id: string; keys: number }[]>(
      'SELECT encryption_key_id AS id, count(*)::int AS keys FROM tracker_keys GROUP BY 1 ORDER BY 1',
    );
    return new Map(rows.map(({ id, keys }) => [id, keys]));
  }

  /**
   * Re-encrypts up to `limit` keys that were encrypted with one of these encryption keys, in one transaction. Skips
   * rows that another process has locked.
   *
   * @returns the number of re-encrypted keys; 0 when none is left.
   */
  async reseal(
    encryptionKeyIds: readonly string[],
    limit: number,
    seal: (key: StoredKey) => EncryptedKey,
  ): Promise<number> {
    return this.db.transaction(async (session: EntityManager) => {
      const keys = await session.query<StoredKey[]>(
        `SELECT ${STORED_KEY_COLUMNS} FROM tracker_keys WHERE encryption_key_id = ANY ($1) ORDER BY id LIMIT $2
         FOR UPDATE SKIP LOCKED`,
        [encryptionKeyIds, limit],
      );
      const resealed = keys.map(seal);
      await session.query(
        `UPDATE tracker_keys AS k SET sealed_private_key = resealed.sealed, encryption_key_id = resealed.key_id
         FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS resealed (id, sealed, key_id) WHERE k.id = resealed.id`,
        [
          keys.map(({ id }) => id),
          resealed.map(({ sealed }) => sealed),
          resealed.map((key) => key.encryptionKeyId),
        ],
      );
      return keys.length;
    });
  }
}
