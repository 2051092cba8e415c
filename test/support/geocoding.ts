import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
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

/** Answers a request for a position. */
export type Behaviour = (
  position: { latitude: number; longitude: number },
  response: ServerResponse,
  request: IncomingMessage,
) => void;

/** A fake Nominatim server that can answer wrongly, and records its requests. */
export class FakeNominatim {
  readonly requests: { at: number; latitude: number; longitude: number; userAgent: string | undefined }[] =
    [];
  behave: Behaviour = BEHAVIOURS.city;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<FakeNominatim> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const fake = new FakeNominatim(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const query = new URL(request.url ?? '', fake.url).searchParams;
      const position = { latitude: Number(query.get('lat')), longitude: Number(query.get('lon')) };
      fake.requests.push({ at: performance.now(), ...position, userAgent: request.headers['user-agent'] });
      fake.behave(position, response, request);
    });
    return fake;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function answerJson(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(body));
}

/** A place in Nominatim's format. */
export function placeAt(latitude: number, longitude: number, city: string, country = 'no'): object {
  return {
    place_id: 1,
    lat: String(latitude),
    lon: String(longitude),
    display_name: `${city}, somewhere`,
    address: { city, country: 'Somewhere', country_code: country },
    boundingbox: [latitude - 0.1, latitude + 0.1, longitude - 0.1, longitude + 0.1].map(String),
  };
}

/** Ways to answer. */
export const BEHAVIOURS = {
  city: ({ latitude, longitude }, response) =>
    answerJson(response, placeAt(latitude, longitude, `Online ${latitude} ${longitude}`)),
  sea: (_, response) => answerJson(response, { error: 'Unable to geocode' }),
  html: (_, response) => response.setHeader('content-type', 'text/html').end('<html>Please log in</html>'),
  htmlAsJson: (_, response) => response.setHeader('content-type', 'application/json').end('<html></html>'),
  elsewhere: ({ latitude, longitude }, response) =>
    answerJson(response, placeAt(-latitude / 2, longitude / 2 + 90, 'Elsewhere')),
  tooMany: (_, response) => response.setHeader('retry-after', '120').writeHead(429).end('slow down'),
  broken: (_, response) => response.writeHead(503).end(),
  hangs: () => undefined,
  hangsUp: (_, __, request) => request.socket.destroy(),
} satisfies Record<string, Behaviour>;

/** The geocoding services of one process, without timers: the tests run them. */
export interface Geocoding {
  service: GeocodingService;
  online: OnlineCellsService;
  /** Geocodes until nothing is pending, and refreshes history; returns the number of reports that got a city. */
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
