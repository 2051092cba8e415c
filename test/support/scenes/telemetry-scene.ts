import { expect } from '@jest/globals';
import request from 'supertest';
import type { HistoryEngine } from '../../../src/config/env.schema.js';
import { Api, LiveClient } from '../application.js';
import { historyToday } from '../history.js';
import { at } from '../history-oracle.js';
import { eventually, whenVisible } from '../waiting.js';
import { TestDatabase } from '../test-database.js';

const TELEMETRY =
  'location { latitude longitude } horizontalAccuracy altitude speed course battery motion imprecise';
const HISTORY = `bucketSize ${TELEMETRY} locatedAt lastReportAt reportCount`;
const CREATE = `mutation ($input: CreateLocationReportInput!) { createLocationReport(input: $input) { outcome } }`;

/** Telemetry of a report, as the API returns it. */
export const SAMPLE_TELEMETRY = {
  altitude: 34.5,
  speed: 12.5,
  course: 271.5,
  battery: 79,
  motion: 'CYCLING',
};
export const NO_TELEMETRY = { altitude: null, speed: null, course: null, battery: null, motion: null };

/** Fields of a history row that tests compare. */
type Row = Record<string, unknown>;
type Detail = 'reports' | 'history';

/** A database and the application, with a new tracker for each test, which every query and export returns. */
export class TelemetryScene {
  /** Id of the tracker of the running test. */
  id = '';
  name = '';
  private count = 0;

  private constructor(
    private readonly engine: HistoryEngine,
    readonly db: TestDatabase,
    readonly api: Api,
    private readonly today: Date,
  ) {}

  static async create(engine: HistoryEngine): Promise<TelemetryScene> {
    const db = await TestDatabase.create(engine);
    return new TelemetryScene(engine, db, await Api.start(db), await historyToday(db));
  }

  /** Before each test. */
  async begin(): Promise<void> {
    this.name = `jane/phone ${++this.count}`;
    this.id = await this.db.register(this.name);
  }

  async drop(): Promise<void> {
    await this.api.stop();
    await this.db.drop();
  }

  /** A time yesterday, a day that history shows in hours. */
  yesterday(time: string): Date {
    return at(this.today, -1, time);
  }

  private input(time: Date, more: Row): Row {
    return { input: { trackerId: this.id, timestamp: time, latitude: 52.5, longitude: 13.4, ...more } };
  }

  /** Sends a report with createLocationReport. */
  report(time: Date, more: Row = {}): Promise<unknown> {
    return this.api.data(CREATE, this.input(time, more));
  }

  /** Sends a report that is rejected. @returns the errors. */
  async refusal(time: Date, more: Row): Promise<unknown> {
    return (await this.api.ask(CREATE, this.input(time, more))).errors;
  }

  /** Queries the tracker's history with every query of the API. */
  async history(): Promise<
    Record<'raw' | 'hours' | 'days' | 'zoneDays' | 'walk' | 'newest' | 'latest', Row[]>
  > {
    const { tracker, ...answer } = await this.api.data<
      Record<string, Row[] | { rows: Row[] }> & { tracker: { latestLocation: Row | null } }
    >(
      `query ($id: ID!, $from: DateTime!, $to: DateTime!) {
         raw: locationHistory(trackerId: $id, startTime: $from, endTime: $to, resolution: RAW) { rows { ${HISTORY} } }
         hours: locationHistoryByTimeRange(trackerId: $id, startTime: $from, endTime: $to) { ${HISTORY} }
         days: locationHistoryAggregated(trackerId: $id, startTime: $from, endTime: $to, bucketSize: "1 day") { ${HISTORY} }
         zoneDays: locationHistory(trackerId: $id, startTime: $from, endTime: $to, timeZone: "UTC") { rows { ${HISTORY} } }
         walk: locationHistoryConnection(trackerIds: [$id]) { rows: nodes { ${HISTORY} } }
         newest: locationHistoryByTracker(trackerId: $id) { ${HISTORY} }
         tracker(id: $id) { latestLocation { ${HISTORY} } }
       }`,
      { id: this.id, from: this.from, to: this.to },
    );
    const rows = Object.entries(answer).map(([form, found]) => [form, 'rows' in found ? found.rows : found]);
    return {
      ...(Object.fromEntries(rows) as Awaited<ReturnType<TelemetryScene['history']>>),
      latest: tracker.latestLocation ? [tracker.latestLocation] : [],
    };
  }

  /** Exports the tracker's history as NDJSON. @returns the parsed lines. */
  async exported(detail: Detail): Promise<Row[]> {
    const { status, text } = await request(this.api.server)
      .get('/export/history.ndjson')
      .query({ trackerId: this.id, startTime: this.from, endTime: this.to, detail })
      .buffer(true)
      .parse((answer, done) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () => done(null, Buffer.concat(pieces).toString()));
      })
      .then((answer) => ({ status: answer.status, text: answer.body as string }));
    expect(status).toBe(200);
    return text.trimEnd().split('\n').map((line) => JSON.parse(line) as Row); // prettier-ignore
  }

  /** Subscribes to the tracker. @returns its first `count` live updates. */
  async updates(count: number): Promise<unknown[]> {
    const client = new LiveClient(this.api.server);
    try {
      const { seen, errors } = client.run(
        `subscription ($ids: [ID!]!, $since: DateTime) {
           locationUpdated(trackerIds: $ids, since: $since) { timestamp ${TELEMETRY} } }`,
        { ids: [this.id], since: this.from },
      );
      await eventually(() => expect(seen).toHaveLength(count));
      expect(errors).toEqual([]);
      return seen;
    } finally {
      await client.close();
    }
  }

  /** Checks that every query and export returns the tracker's only report, of yesterday, with this telemetry. */
  async expectEverywhere(time: Date, telemetry: Row): Promise<void> {
    const timestamp = time.toISOString();
    const row = {
      ...telemetry,
      imprecise: false,
      locatedAt: timestamp,
      lastReportAt: timestamp,
      reportCount: 1,
    };
    await whenVisible(this.engine, async () => {
      const { raw, hours, days, zoneDays, walk, newest, latest } = await this.history();
      expect(raw).toMatchObject([{ ...row, bucketSize: 'raw' }]);
      for (const rows of [hours, walk, newest, latest])
        expect(rows).toMatchObject([{ ...row, bucketSize: '1 hour' }]);
      for (const rows of [days, zoneDays]) expect(rows).toMatchObject([{ ...row, bucketSize: '1 day' }]);
    });
    expect(await this.updates(1)).toMatchObject([{ ...telemetry, timestamp, imprecise: false }]);
    await this.db.settle();
    const exported = {
      ...telemetry,
      motion: (telemetry['motion'] as string | null)?.toLowerCase() ?? null,
    };
    for (const detail of ['reports', 'history'] as const) {
      const lines = await this.exported(detail);
      expect(lines).toMatchObject([{ timestamp, imprecise: false }]);
      // An export omits unknown values.
      expect(lines.map((line) => ({ ...NO_TELEMETRY, ...line }))).toMatchObject([exported]);
    }
  }

  private get from(): string {
    return at(this.today, -2, '00:00:00').toISOString();
  }

  private get to(): string {
    return at(this.today, 1, '00:00:00').toISOString();
  }
}
