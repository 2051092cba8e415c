import type { RejectedItem, SourceReport } from './report-source.js';

/** Characters of rows that are worth a write: one for each row would cost more than the row. */
const PIECE = 65_536;
/** Texts of rejected reports are cut to this; the quarantine is no second copy of a file. */
const MAX_GIVEN = 2000;
const MAX_MESSAGE = 500;
/** A longer name is no tracker's. */
const MAX_NAME = 200;
/** Columns of an item that is not a report: those before its source, and the telemetry after it. */
const NULLS_BEFORE = '\t\\N'.repeat(8);
const NULLS_AFTER = '\t\\N'.repeat(5);

/**
 * Reports on their way into the database, in COPY's text format: those for `incoming_reports`, and those for
 * `refused_reports` that need not be looked at there.
 *
 * Kept as bytes outside of V8's heap: 20,000 report objects that wait for a transaction outlive a collection or two,
 * and to move them there took as long as to decode them. Bytes outlive it as well, and are given back so late that the
 * process grew by tens of megabytes: so a batch that is stored is emptied and filled again.
 */
export class IncomingBatch {
  /** How many reports of the source are in it, also those that are refused. */
  reports = 0;
  /** How many items of the source that are no reports. */
  items = 0;
  /** The greatest position in it; null while it is empty. */
  until: number | null = null;
  private readonly incoming = new CopyText();
  private readonly refused = new CopyText();
  private readonly source: string;

  /** @param source what brings the reports, e.g. `ndjson`; kept with each. */
  constructor(source: string) {
    this.source = copyText(source);
  }

  get size(): number {
    return this.reports + this.items;
  }

  /** Characters that it holds. */
  get length(): number {
    return this.incoming.length + this.refused.length;
  }

  /** Empties it, to be filled again. Nobody may read what it gave out before. */
  clear(): void {
    this.reports = 0;
    this.items = 0;
    this.until = null;
    this.incoming.clear();
    this.refused.clear();
  }

  add(report: SourceReport, hashedAdvKey: string): void {
    this.incoming.add(this.fieldsOf(report, copyText(hashedAdvKey)));
    this.note(report.position);
    this.reports++;
  }

  /** A report that is decoded and still cannot be taken: of nobody that is known, for example. */
  refuse(report: SourceReport, reason: string, message: string): void {
    const key = report.hashedAdvKey === undefined ? '\\N' : bounded(report.hashedAdvKey, MAX_NAME);
    const tracker = report.tracker === undefined ? '\\N' : bounded(report.tracker, MAX_NAME);
    this.refused.add(
      `${this.fieldsOf(report, key)}\t${reason}\t${bounded(message, MAX_MESSAGE)}\t${tracker}\t\\N`,
    );
    this.note(report.position);
    this.reports++;
  }

  /** Something of the source that is no report. */
  refuseItem({ position, reason, message, given }: RejectedItem): void {
    const text = given === undefined ? '\\N' : bounded(given, MAX_GIVEN);
    this.refused.add(
      `${position}${NULLS_BEFORE}\t${this.source}${NULLS_AFTER}\t${reason}\t${bounded(message, MAX_MESSAGE)}\t\\N\t${text}`,
    );
    this.note(position);
    this.items++;
  }

  /** Rows for `incoming_reports`, to be sent as they are, in order. */
  incomingRows(): readonly Buffer[] {
    return this.incoming.rows();
  }

  /** Rows for `refused_reports`. */
  refusedRows(): readonly Buffer[] {
    return this.refused.rows();
  }

  private fieldsOf(r: SourceReport, key: string): string {
    const city = r.nearestCity === undefined ? '\\N' : bounded(r.nearestCity, MAX_NAME);
    return (
      `${r.position}\t${key}\t${r.timestamp}\t${r.latitude}\t${r.longitude}\t${r.confidence ?? '\\N'}\t` +
      `${r.horizontalAccuracy ?? '\\N'}\t${r.status ?? '\\N'}\t${city}\t${this.source}\t${r.altitude ?? '\\N'}\t${r.speed ?? '\\N'}\t` +
      `${r.course ?? '\\N'}\t${r.battery ?? '\\N'}\t${r.motion ?? '\\N'}`
    );
  }

  private note(position: number): void {
    if (this.until === null || position > this.until) this.until = position;
  }
}

/** Rows as bytes, joined to pieces that are worth a write. */
class CopyText {
  length = 0;
  private readonly pieces: Buffer[] = [];
  /** What the pieces are views of; kept when they are cleared. */
  private readonly memory: Buffer[] = [];
  private begun = '';

  add(row: string): void {
    this.begun += `${row}\n`;
    this.length += row.length;
    if (this.begun.length >= PIECE) this.complete();
  }

  rows(): readonly Buffer[] {
    if (this.begun !== '') this.complete();
    return this.pieces;
  }

  clear(): void {
    this.length = 0;
    this.pieces.length = 0;
    this.begun = '';
  }

  private complete(): void {
    const at = this.pieces.length;
    const bytes = Buffer.byteLength(this.begun);
    let memory = this.memory[at];
    if (!memory || memory.length < bytes) {
      memory = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * PIECE)); // not of the pool: it would keep that alive
      this.memory[at] = memory;
    }
    memory.write(this.begun);
    this.pieces.push(memory.subarray(0, bytes));
    this.begun = '';
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** Escapes what COPY would take for an end of field or row. Source: PostgreSQL manual, COPY, text format. */
function copyText(value: string): string {
  return /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (char) => ESCAPES[char] ?? char) : value;
}

/** Text that nobody has checked: cut, and without the one character that PostgreSQL has not. */
function bounded(value: string, length: number): string {
  const cut = value.length > length ? `${value.slice(0, length)}…` : value;
  return copyText(cut.includes('\0') ? cut.replaceAll('\0', '\uFFFD') : cut);
}
