import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestReport } from '../../test/support/history-oracle.js';
import { untilAcknowledged } from './api.js';
import type { SoakContext } from './context.js';
import { runCommand } from './program.js';
import type { Ledger } from './record.js';
import { ImportFile } from './import-file.js';

const IMPORTERS = 4;
const PAUSE_MS = 2500;
const RETRYABLE = /^(UNAVAILABLE|CONFLICT)$/;

/** A report in an open transaction, which the first importer also imports. */
export class UncommittedReport {
  report: TestReport | null = null;
}

/**
 * Starts the clients that import; they end when the soak is over. The first one also imports the uncommitted report.
 */
export function startImporters(context: SoakContext, uncommitted: UncommittedReport): Promise<void>[] {
  return Array.from({ length: IMPORTERS }, (_, n) =>
    new Importer(context, n, n === 0 ? uncommitted : null).run(),
  );
}

class Importer {
  private readonly maker;
  private files = 0;

  constructor(
    private readonly context: SoakContext,
    private readonly number: number,
    private readonly uncommitted: UncommittedReport | null,
  ) {
    this.maker = context.reportMaker(20 + number);
  }

  async run(): Promise<void> {
    const { random } = this.maker;
    while (!this.context.isOver()) {
      await this.importUncommitted();
      if (this.number === 2) await (random.oneIn(2) ? this.ownTracks() : this.overland());
      else {
        const file = ImportFile.create(
          this.maker,
          this.context.fleet.imported,
          this.context.record.acknowledged,
        );
        const send = (isRepeat: boolean): Promise<void> =>
          this.number === 3 ? this.byCommand(file, isRepeat) : this.overHttp(file, isRepeat);
        await send(false);
        if (random.oneIn(4)) await send(true);
      }
      await sleep(PAUSE_MS * (0.5 + random.next()), undefined, { signal: this.context.signal });
    }
    await this.importUncommitted();
  }

  private async importUncommitted(): Promise<void> {
    const { uncommitted } = this;
    const report = uncommitted?.report;
    if (!report) return;
    uncommitted.report = null;
    await this.overHttp(ImportFile.of([report]), false);
  }

  private async overHttp(file: ImportFile, isRepeat: boolean): Promise<void> {
    const { api, signal } = this.context;
    const body = file.text;
    await untilAcknowledged('an import over HTTP', signal, async () => {
      const answer = await api.importReports(this.maker.random, 'reports', body);
      this.context.record.count(`imports over HTTP: ${answer.kind}`);
      if (answer.kind === 'ok') this.onLedger(file, answer.body as Ledger & { runId: string }, isRepeat);
      else if (answer.kind === 'unexpected')
        this.context.record.fail('an import over HTTP failed', answer.detail);
      return answer.kind === 'ok';
    });
  }

  /** Runs `tracker import`, and sometimes kills it; the next attempt continues where the killed one stopped. */
  private async byCommand(file: ImportFile, isRepeat: boolean): Promise<void> {
    const { servers, record, logs, commandEnv, signal } = this.context;
    const { random } = this.maker;
    const path = join(servers.folder, `reports-${this.number}-${++this.files}.ndjson`);
    await writeFile(path, file.text);
    await untilAcknowledged('tracker import', signal, async () => {
      const killAfterMs = random.oneIn(3) ? 500 + random.int(4000) : undefined;
      const { code, stdout } = await runCommand(['import', '--json', path], commandEnv, logs, killAfterMs);
      const lines = stdout.trim().split('\n');
      const answer = lines.find((line) => line.startsWith('{'));
      const others = lines.filter((line) => line !== '' && line !== answer);
      if (others.length > 0) record.fail('tracker import --json printed more than JSON', others);
      if (code === 0) this.onLedger(file, JSON.parse(answer ?? '') as Ledger & { runId: string }, isRepeat);
      const failure = code === 0 || code === null ? null : codeOf(answer);
      if (failure !== null && !RETRYABLE.test(failure))
        record.fail('tracker import failed', { code, stdout: stdout.slice(0, 400) });
      record.count(
        `imports by command: ${code === 0 ? 'ok' : (failure ?? (code === null ? 'killed' : 'could not start'))}`,
      );
      return code === 0;
    });
    await rm(path);
  }

  /** Checks that the ledger counts every line once, whatever happened to earlier attempts. */
  private onLedger(file: ImportFile, ledger: Ledger & { runId: string }, isRepeat: boolean): void {
    const { record } = this.context;
    const { runId, read, stored, late, duplicate, rejected } = ledger;
    const sum = stored + late + duplicate + rejected;
    const { lines, invalidLines } = file;
    if (read !== lines || rejected !== invalidLines || sum !== read || (isRepeat && stored + late > 0))
      record.fail('a ledger is wrong', { lines, invalidLines, isRepeat, ...ledger });
    record.ledgers.set(runId, { read, stored, late, duplicate, rejected });
    record.acknowledge(file.reports);
    if (!isRepeat) record.imported.files += file.newReports;
    record.count('reports imported', file.lines);
  }

  private async ownTracks(): Promise<void> {
    for (let i = this.maker.random.int(8); i >= 0; i--) {
      const report = this.maker.phoneReport(this.context.fleet.phone);
      const { at, latitude: lat, longitude: lon, accuracy: acc, battery: batt } = report;
      const topic = `owntracks/${this.deviceOf(report)}`;
      const message = { _type: 'location', tst: at.getTime() / 1000, lat, lon, acc, batt, topic };
      await this.fromPhone('owntracks', message, [report]);
    }
  }

  private async overland(): Promise<void> {
    const reports = Array.from({ length: 1 + this.maker.random.int(40) }, () =>
      this.maker.phoneReport(this.context.fleet.phone),
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
    return this.context.fleet.phone.find((tracker) => tracker.key === key)?.name ?? '';
  }

  private async fromPhone(app: string, body: unknown, reports: readonly TestReport[]): Promise<void> {
    const { api, record, signal } = this.context;
    await untilAcknowledged(`a post to ${app}`, signal, async () => {
      const answer = await api.importReports(this.maker.random, app, JSON.stringify(body));
      record.count(`posts of phones: ${answer.kind}`);
      if (answer.kind === 'unexpected') record.fail(`a post to ${app} failed`, answer.detail);
      return answer.kind === 'ok';
    });
    record.acknowledge(reports);
    record.imported.phones += reports.length;
    record.count('reports imported', reports.length);
  }
}

/** The error code that a command printed; null if it printed nothing, because it failed before it read the file. */
function codeOf(answer: string | undefined): string | null {
  if (answer === undefined) return null;
  const { error } = JSON.parse(answer) as { error?: { code?: string } };
  return error?.code ?? null;
}
