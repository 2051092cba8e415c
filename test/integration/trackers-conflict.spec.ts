import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/data-source.js';
import type { CreateTrackerInput } from '../../src/trackers/dto/create-tracker.input.js';
import { TrackerEntity } from '../../src/trackers/tracker.entity.js';
import { TrackersRepository } from '../../src/trackers/trackers.repository.js';
import { TrackersService } from '../../src/trackers/trackers.service.js';
import { TestDatabase } from '../support/test-database.js';

const KEY = Buffer.alloc(28, 1).toString('base64');
const HASH = createHash('sha256').update(Buffer.alloc(28, 1)).digest('base64');

let db: TestDatabase;
let dataSource: DataSource;
let trackers: TrackersService;

beforeAll(async () => {
  db = await TestDatabase.create('postgresql');
  dataSource = await new DataSource({
    ...dataSourceOptions(db.config, db.url),
    entities: [TrackerEntity],
  }).initialize();
  trackers = new TrackersService(new TrackersRepository(dataSource.getRepository(TrackerEntity)));
  await trackers.create({ name: 'first', hashedAdvertisementKey: HASH });
});
afterAll(async () => {
  await dataSource.destroy();
  await db.drop();
});

// The first tracker has only a hash, so the database always reports a collision of the hash.
it.each<[string, Omit<CreateTrackerInput, 'name'>, string]>([
  ['the key', { advertisementKey: KEY }, 'advertisementKey'],
  ['the key, and null', { advertisementKey: KEY, hashedAdvertisementKey: null }, 'advertisementKey'],
  ['the hash', { hashedAdvertisementKey: HASH }, 'hashedAdvertisementKey'],
  ['both', { advertisementKey: KEY, hashedAdvertisementKey: HASH }, 'hashedAdvertisementKey'],
])('a conflict of trackers names the given argument: %s', async (_, keys, argument) => {
  await expect(trackers.create({ name: 'second', ...keys })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: `Another tracker has this ${argument}`,
    details: { argument },
  });
});
