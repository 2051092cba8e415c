import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newDataFolder, postgresOf, postgresProcesses, query, RunningProduct } from '../support/processes.js';
import { eventually } from '../support/waiting.js';

interface Row {
  reportCount: number;
  lastReportAt: string;
}

/** A client that inserts one report after another until its connection breaks or it is stopped. */
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
      const moment = newest - i * 60_001; // back over many hours, into days whose reports are late
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

  /** Waits for 60 more acknowledged reports. */
  async waitForReports(): Promise<void> {
    const goal = this.acknowledged.length + 60;
    await eventually(() => expect(this.acknowledged.length).toBeGreaterThan(goal), 30_000);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.work;
    await this.client.end().catch(() => undefined);
  }
}

describe('the server with a private PostgreSQL', () => {
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

  /** Checks that every acknowledged report is stored, and at most one more: committed, but not acknowledged. */
  async function expectAllStored(
    address: string,
    id: string,
    acknowledged: readonly number[],
  ): Promise<void> {
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

  it('loses no acknowledged report when it is killed while a client writes', async () => {
    const first = await start();
    const id = await register(first.address);
    const survivor = RunningProduct.server({ EMBEDDED_DATA_DIR: folder, PORT: '0' }); // keeps PostgreSQL up
    products.push(survivor);
    await survivor.address();

    const writer = new Writer(await connect());
    await writer.waitForReports();
    await first.product.end('SIGKILL');
    await writer.waitForReports(); // the database ingests without a process of the product
    await writer.stop();
    const other = await start();
    await expectAllStored(other.address, id, writer.acknowledged);
  });

  it('loses nothing when it is killed as the last one, so that PostgreSQL stops', async () => {
    const first = await start();
    const id = await register(first.address);
    const writer = new Writer(await connect());
    await writer.waitForReports();
    await first.product.end('SIGKILL');
    await noServerLeft();
    await writer.stop();

    const second = await start();
    await expectAllStored(second.address, id, writer.acknowledged);
    const after = new Writer(await connect());
    await after.waitForReports();
    await after.stop();
    // The second writer started later, so its timestamps differ.
    const all = [...new Set([...writer.acknowledged, ...after.acknowledged])];
    await expectAllStored(second.address, id, all);
  });

  it('answers UNAVAILABLE after PostgreSQL was killed, and loses nothing', async () => {
    const first = await start();
    const id = await register(first.address);
    const writer = new Writer(await connect());
    await writer.waitForReports();
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
    await expectAllStored(second.address, id, writer.acknowledged);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'shuts down cleanly on %s while a client writes',
    async (signal) => {
      const { product, address } = await start();
      const id = await register(address);
      const writer = new Writer(await connect());
      await writer.waitForReports();
      const { code, ms } = await product.end(signal);
      expect(code).toBe(0);
      expect(ms).toBeLessThan(10_000);
      expect(postgresProcesses(folder)).toEqual([]);
      await writer.stop();
      expect(product.output).not.toMatch(/ERROR|Error:/);

      const again = await start();
      await expectAllStored(again.address, id, writer.acknowledged);
    },
  );
});
