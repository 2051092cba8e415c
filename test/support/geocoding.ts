import { type AppConfig, loadConfig } from '../../src/config/app-config.js';
import { CellsRepository } from '../../src/geocoding/cells.repository.js';
import { CellsService } from '../../src/geocoding/cells.service.js';
import { geocodingSetup } from '../../src/geocoding/geocoding-setup.js';
import { GeocodingQueueRepository } from '../../src/geocoding/geocoding-queue.repository.js';
import { GeocodingService } from '../../src/geocoding/geocoding.service.js';
import { OnlineCellsService } from '../../src/geocoding/online-cells.service.js';
import { OfflineGeocoder } from '../../src/geocoding/providers/offline.geocoder.js';
import { ProvidersRepository } from '../../src/geocoding/providers.repository.js';
import type { TestDatabase } from './test-database.js';

/** The services of one process that geocodes, without its clock: the tests say when. */
export interface Geocoding {
  service: GeocodingService;
  online: OnlineCellsService;
  /** Geocodes until nothing waits, and brings history up to it; returns how many got a city. */
  drain: () => Promise<number>;
}

/** @param env configuration of this process, e.g. `GEOCODING_MAX_DISTANCE_KM`. */
export function geocoding(db: TestDatabase, env: Record<string, string> = {}): Geocoding {
  const config: AppConfig = loadConfig({ DATABASE_URL: db.url, ...env });
  const setup = geocodingSetup(config);
  const cells = new CellsRepository(db.dataSource);
  const online = new OnlineCellsService(cells, new ProvidersRepository(db.dataSource), setup);
  const service = new GeocodingService(
    new GeocodingQueueRepository(db.dataSource),
    new CellsService(cells, new OfflineGeocoder(config), setup),
    online,
    setup,
  );
  const drain = async (): Promise<number> => {
    let filled = 0;
    for (let batch = await service.geocodeBatch(); batch; batch = await service.geocodeBatch()) {
      filled += batch.filled;
    }
    await db.settle();
    return filled;
  };
  return { service, online, drain };
}
