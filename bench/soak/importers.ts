import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestReport } from '../../test/support/history-oracle.js';
import { untilAcknowledged } from './api.js';
import type { Scene } from './clients.js';
import { runCommand } from './program.js';
import type { Ledger } from './record.js';
import { ImportFile } from './import-file.js';

const IMPORTERS = 4;
const PAUSE_MS = 2500;
const CODES = /^(UNAVAILABLE|CONFLICT)$/;

/** A report that an importer is to bring at its next turn. */
export class Bait {
  report: TestReport | null = null;
}

/** Starts the clients that import; they end when the soak is over. The first one brings the bait. */
export function startImporters(scene: Scene, bait: Bait): Promise<void>[] {
  return Array.from({ length: IMPORTERS }, (_, n) => new Importer(scene, n, n === 0 ? bait : null).run());
}

class Importer {
  private readonly maker;
  private files = 0;

  constructor(
    private readonly scene: Scene,
    private readonly number: number,
    private readonly bait: Bait | null,
  ) {
    this.maker = scene.maker(20 + number);
  }

  async run(): Promise<void> {
    const { random } = this.maker;
    while (!this.scene.isOver()) {
      await this.bringBait();
      if (this.number === 2) await (random.oneIn(2) ? this.ownTracks() : this.overland());
      else {
        const file = ImportFile.make(this.maker, this.scene.fleet.imported, this.scene.record.acknowledged);
        const send = (again: boolean): Promise<void> =>
          this.number === 3 ? this.byCommand(file, again) : this.overHttp(file, again);
        await send(false);
        if (random.oneIn(4)) await send(true);
      }
      await sleep(PAUSE_MS * (0.5 + random.next()), undefined, { signal: this.scene.signal });
    }
    await this.bringBait();
  }

  private async bringBait(): Promise<void> {
    const { bait } = this;
    const report = bait?.report;
    if (!report) return;
    bait.report = null;
    await this.overHttp(ImportFile.of([report]), false);
  }

  private async overHttp(file: ImportFile, again: boolean): Promise<void> {
    const { api, signal } = this.scene;
    const body = file.text;
    await untilAcknowledged('an import over HTTP', signal, async () => {
      const answer = await api.importReports(this.maker.random, 'reports', body);
      this.scene.record.count(`imports over HTTP: ${answer.kind}`);
      if (answer.kind === 'ok') this.onLedger(file, answer.body as Ledger & { runId: string }, again);
      else if (answer.kind === 'wrong')
        this.scene.record.fail('an import was answered with an error', answer.detail);
      return answer.kind === 'ok';
    });
  }

  /** `tracker import`, at times killed in the middle; the file of an import that died goes on where that stopped. */
  private async byCommand(file: ImportFile, again: boolean): Promise<void> {
    const { servers, record, logs, commandEnv, signal } = this.scene;
    const { random } = this.maker;
    const path = join(servers.folder, `reports-${this.number}-${++this.files}.ndjson`);
    await writeFile(path, file.text);
    await untilAcknowledged('tracker import', signal, async () => {
      const killAfterMs = random.oneIn(3) ? 500 + random.int(4000) : undefined;
      const { code, stdout } = await runCommand(['import', '--json', path], commandEnv, logs, killAfterMs);
      const lines = stdout.trim().split('\n');
      const answer = lines.find((line) => line.startsWith('{'));
      const others = lines.filter((line) => line !== '' && line !== answer);
      if (others.length > 0) record.fail('tracker import --json wrote more than JSON', others);
      if (code === 0) this.onLedger(file, JSON.parse(answer ?? '') as Ledger & { runId: string }, again);
      const failure = code === 0 || code === null ? null : codeOf(answer);
      if (failure !== null && !CODES.test(failure))
        record.fail('tracker import failed', { code, stdout: stdout.slice(0, 400) });
      record.count(
        `imports by command: ${code === 0 ? 'ok' : (failure ?? (code === null ? 'killed' : 'could not begin'))}`,
      );
      return code === 0;
    });
    await rm(path);
  }

  /** Every line stands in it once, whatever happened to earlier tries. */
  private onLedger(file: ImportFile, ledger: Ledger & { runId: string }, again: boolean): void {
    const { record } = this.scene;
    const { runId, read, stored, late, duplicate, rejected } = ledger;
    const sum = stored + late + duplicate + rejected;
    if (read !== file.lines || rejected !== file.garbage || sum !== read || (again && stored + late > 0))
      record.fail('a ledger is wrong', { lines: file.lines, garbage: file.garbage, again, ...ledger });
    record.answers.set(runId, { read, stored, late, duplicate, rejected });
    record.acknowledge(file.reports);
    if (!again) record.imported.files += file.fresh;
    record.count('reports imported', file.lines);
  }

  private async ownTracks(): Promise<void> {
    for (let i = this.maker.random.int(8); i >= 0; i--) {
      const report = this.maker.phoneReport(this.scene.fleet.phone);
      const { at, latitude: lat, longitude: lon, accuracy: acc, battery: batt } = report;
      const topic = `owntracks/${this.deviceOf(report)}`;
      const message = { _type: 'location', tst: at.getTime() / 1000, lat, lon, acc, batt, topic };
      await this.fromPhone('owntracks', message, [report]);
    }
  }

  private async overland(): Promise<void> {
    const reports = Array.from({ length: 1 + this.maker.random.int(40) }, () =>
      this.maker.phoneReport(this.scene.fleet.phone),
    );
    const locations = reports.map((report) => ({
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [report.longitude, report.latitude] },
      properties: {
        timestamp: report.at.toISOString(),
        horizontal_accuracy: report.accuracy,
        battery_level: (report.battery ?? 0) / 100,
        device_id: this.deviceOf(report),
      },
    }));
    await this.fromPhone('overland', { locations }, reports);
  }

  private deviceOf({ key }: TestReport): string {
    return this.scene.fleet.phone.find((tracker) => tracker.key === key)?.name ?? '';
  }

  private async fromPhone(app: string, body: unknown, reports: readonly TestReport[]): Promise<void> {
    const { api, record, signal } = this.scene;
    await untilAcknowledged(`a post to ${app}`, signal, async () => {
      const answer = await api.importReports(this.maker.random, app, JSON.stringify(body));
      record.count(`posts of phones: ${answer.kind}`);
      if (answer.kind === 'wrong') record.fail(`a post to ${app} was answered with an error`, answer.detail);
      return answer.kind === 'ok';
    });
    record.acknowledge(reports);
    record.imported.phones += reports.length;
    record.count('reports imported', reports.length);
  }
}

/** What its answer says that it failed with; null where it had none: it did not come to read the file. */
function codeOf(answer: string | undefined): string | null {
  if (answer === undefined) return null;
  const { error } = JSON.parse(answer) as { error?: { code?: string } };
  return error?.code ?? null;
}
