import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newDataFolder, postgresOf, postgresProcesses, query, RunningProduct } from '../support/processes.js';
import { eventually } from '../support/waiting.js';

const ACKNOWLEDGED = 60;

interface Row {
  reportCount: number;
  lastReportAt: string;
}

/** A client that inserts a report after the other until its connection breaks or it is stopped. */
class Writer {
  readonly acknowledged: number[] = [];
  private stopped = false;
  private readonly work: Promise<void>;

  constructor(private readonly client: pg.Client) {
    this.work = this.write();
  }

  private async write(): Promise<void> {
    const newest = Date.now() - 1000;
    for (let i = 0; !this.stopped; i++) {
      const moment = newest - i * 60_001; // back over many hours, into days that are late
      try {
        await this.client.query(
          `INSERT INTO location_reports (hashed_adv_key, timestamp, location)
           VALUES ('crash', to_timestamp($1::float8 / 1000), ST_SetSRID(ST_MakePoint(7, 50), 4326))`,
          [moment],
        );
      } catch {
        return; // not acknowledged
      }
      this.acknowledged.push(moment);
    }
  }

  async enough(): Promise<void> {
    const goal = this.acknowledged.length + ACKNOWLEDGED;
    await eventually(() => expect(this.acknowledged.length).toBeGreaterThan(goal), 30_000);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.work;
    await this.client.end().catch(() => undefined);
  }
}

/** The server as an operator starts it, with a PostgreSQL of its own. */
describe('the server', () => {
  let folder = '';
  const products: RunningProduct[] = [];

  beforeEach(() => {
    folder = newDataFolder();
  });
  afterEach(async () => {
    for (const product of products.splice(0)) await product.destroy();
    await noServerLeft();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<{ product: RunningProduct; address: string }> {
    const product = RunningProduct.server({ EMBEDDED_DATA_DIR: folder, PORT: '0', NO_COLOR: '1' });
    products.push(product);
    return { product, address: await product.address() };
  }

  const noServerLeft = (): Promise<void> =>
    eventually(() => {
      expect(postgresProcesses(folder)).toEqual([]);
    }, 20_000);

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: postgresOf(folder).url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async function register(address: string): Promise<string> {
    const client = await connect();
    await client.query(`INSERT INTO trackers (name, hashed_adv_key) VALUES ('crash', 'crash')`);
    await client.end();
    const { trackers } = await query<{ trackers: { id: string }[] }>(address, '{ trackers { id } }');
    return trackers[0]?.id ?? '';
  }

  /** Nothing that was acknowledged is missing; one report more may have been committed and not acknowledged. */
  async function expectAll(address: string, id: string, acknowledged: readonly number[]): Promise<void> {
    const { rows } = await query<{ rows: Row[] }>(
      address,
      `{ rows: locationHistoryAggregated(trackerId: "${id}", startTime: "2020-01-01T00:00:00Z",
         endTime: "2100-01-01T00:00:00Z", bucketSize: "1 day") { reportCount lastReportAt } }`,
    );
    const counted = rows.reduce((sum, { reportCount }) => sum + reportCount, 0);
    expect(counted - acknowledged.length).toBeGreaterThanOrEqual(0);
    expect(counted - acknowledged.length).toBeLessThanOrEqual(1);
    expect(rows.at(-1)?.lastReportAt).toBe(new Date(Math.max(...acknowledged)).toISOString());
    const client = await connect();
    const { rows: stored } = await client.query<{ t: string }>(
      `SELECT extract(epoch FROM timestamp) * 1000 AS t FROM location_reports`,
    );
    await client.end();
    const raw = new Set(stored.map(({ t }) => Math.round(Number(t))));
    const oldest = Math.min(...raw);
    expect(acknowledged.filter((moment) => moment >= oldest && !raw.has(moment))).toEqual([]);
  }

  it('loses nothing that was acknowledged when it is killed while a client writes', async () => {
    const first = await start();
    const id = await register(first.address);
    const survivor = RunningProduct.server({ EMBEDDED_DATA_DIR: folder, PORT: '0' }); // keeps PostgreSQL up
    products.push(survivor);
    await survivor.address();

    const writer = new Writer(await connect());
    await writer.enough();
    await first.product.end('SIGKILL');
    await writer.enough(); // ingesting reports needs no process of ours
    await writer.stop();
    const other = await start();
    await expectAll(other.address, id, writer.acknowledged);
  });

  it('stops PostgreSQL when it was its last user, and loses nothing', async () => {
    const first = await start();
    const id = await register(first.address);
    const writer = new Writer(await connect());
    await writer.enough();
    await first.product.end('SIGKILL');
    await noServerLeft();
    await writer.stop();

    const second = await start();
    await expectAll(second.address, id, writer.acknowledged);
    const after = new Writer(await connect());
    await after.enough();
    await after.stop();
    // The second writer begins at a newer time: its reports are others.
    const all = [...new Set([...writer.acknowledged, ...after.acknowledged])];
    await expectAll(second.address, id, all);
  });

  it('answers UNAVAILABLE while PostgreSQL is gone, and loses nothing when PostgreSQL is killed', async () => {
    const first = await start();
    const id = await register(first.address);
    const writer = new Writer(await connect());
    await writer.enough();
    process.kill(postgresOf(folder).postmaster, 'SIGKILL');
    await writer.stop();
    const response = await fetch(`${first.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ trackers { id } }"}',
    });
    expect(await response.json()).toMatchObject({
      errors: [
        { message: 'The database cannot be reached at the moment', extensions: { code: 'UNAVAILABLE' } },
      ],
    });
    const ended = await first.product.end('SIGTERM');
    expect(ended).toMatchObject({ code: 0 });

    const second = await start();
    await expectAll(second.address, id, writer.acknowledged);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order at %s, while a client writes', async (signal) => {
    const { product, address } = await start();
    const id = await register(address);
    const writer = new Writer(await connect());
    await writer.enough();
    const { code, ms } = await product.end(signal);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
    expect(postgresProcesses(folder)).toEqual([]);
    await writer.stop();
    expect(product.output).not.toMatch(/ERROR|Error:/);

    const again = await start();
    await expectAll(again.address, id, writer.acknowledged);
  });
});
