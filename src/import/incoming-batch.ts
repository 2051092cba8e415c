import type { RejectedItem, SourceReport } from './report-source.js';

/** Characters of rows per write: a write for each row would cost more than the row. */
const PIECE = 65_536;
/** The quarantine keeps the beginning of a rejected item; it is not a second copy of the file. */
const MAX_GIVEN = 2000;
const MAX_MESSAGE = 500;
/** No tracker has a longer name. */
const MAX_NAME = 200;
/** Empty columns of an item that is not a report: before its source, and the telemetry after it. */
const NULLS_BEFORE = '\t\\N'.repeat(8);
const NULLS_AFTER = '\t\\N'.repeat(5);

/**
 * Reports for one transaction, in COPY's text format: rows for the staging table `incoming_reports`, and rejected ones for
 * `refused_reports`, which the database does not check again.
 *
 * Kept as bytes outside V8's heap: 20,000 report objects waiting for a transaction survive garbage collections, and
 * moving them between generations took as long as parsing them. Buffers survive too and are freed so late that the process
 * grew by tens of megabytes, so a stored batch is cleared and reused.
 */
export class IncomingBatch {
  /** Reports of the source, including rejected ones. */
  reports = 0;
  /** Rejected items of the source that are not reports. */
  items = 0;
  /** The highest position in the batch; null while it is empty. */
  lastPosition: number | null = null;
  private readonly incoming = new CopyText();
  private readonly rejected = new CopyText();
  private readonly source: string;

  /** @param source format of the input, e.g. `ndjson`; stored with each report. */
  constructor(source: string) {
    this.source = copyText(source);
  }

  get size(): number {
    return this.reports + this.items;
  }

  /** Characters in the batch. */
  get length(): number {
    return this.incoming.length + this.rejected.length;
  }

  /** Makes the batch reusable. Rows that it returned before must no longer be read. */
  clear(): void {
    this.reports = 0;
    this.items = 0;
    this.lastPosition = null;
    this.incoming.clear();
    this.rejected.clear();
  }

  add(report: SourceReport, hashedAdvKey: string): void {
    this.incoming.add(this.fieldsOf(report, copyText(hashedAdvKey)));
    this.extendTo(report.position);
    this.reports++;
  }

  /** Adds a report that could be parsed but not accepted, for example of an unknown tracker. */
  reject(report: SourceReport, reason: string, message: string): void {
    const key = report.hashedAdvKey === undefined ? '\\N' : bounded(report.hashedAdvKey, MAX_NAME);
    const tracker = report.tracker === undefined ? '\\N' : bounded(report.tracker, MAX_NAME);
    this.rejected.add(
      `${this.fieldsOf(report, key)}\t${reason}\t${bounded(message, MAX_MESSAGE)}\t${tracker}\t\\N`,
    );
    this.extendTo(report.position);
    this.reports++;
  }

  /** Adds an item of the source that is not a report. */
  rejectItem({ position, reason, message, given }: RejectedItem): void {
    const text = given === undefined ? '\\N' : bounded(given, MAX_GIVEN);
    this.rejected.add(
      `${position}${NULLS_BEFORE}\t${this.source}${NULLS_AFTER}\t${reason}\t${bounded(message, MAX_MESSAGE)}\t\\N\t${text}`,
    );
    this.extendTo(position);
    this.items++;
  }

  /** Rows for `incoming_reports`, to be sent unchanged and in order. */
  incomingRows(): readonly Buffer[] {
    return this.incoming.rows();
  }

  /** Rows for `refused_reports`. */
  rejectedRows(): readonly Buffer[] {
    return this.rejected.rows();
  }

  private fieldsOf(r: SourceReport, key: string): string {
    const city = r.nearestCity === undefined ? '\\N' : bounded(r.nearestCity, MAX_NAME);
    return (
      `${r.position}\t${key}\t${r.timestamp}\t${r.latitude}\t${r.longitude}\t${r.confidence ?? '\\N'}\t` +
      `${r.horizontalAccuracy ?? '\\N'}\t${r.status ?? '\\N'}\t${city}\t${this.source}\t${r.altitude ?? '\\N'}\t${r.speed ?? '\\N'}\t` +
      `${r.course ?? '\\N'}\t${r.battery ?? '\\N'}\t${r.motion ?? '\\N'}`
    );
  }

  private extendTo(position: number): void {
    if (this.lastPosition === null || position > this.lastPosition) this.lastPosition = position;
  }
}

/** Rows as bytes, joined into pieces of the size of a write. */
class CopyText {
  length = 0;
  private readonly pieces: Buffer[] = [];
  /** The buffers behind the pieces; kept when the text is cleared. */
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
      memory = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * PIECE)); // a pooled buffer would keep its whole pool alive
      this.memory[at] = memory;
    }
    memory.write(this.begun);
    this.pieces.push(memory.subarray(0, bytes));
    this.begun = '';
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** Escapes what COPY would read as the end of a field or row. Source: PostgreSQL manual, COPY, text format. */
function copyText(value: string): string {
  return /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (char) => ESCAPES[char] ?? char) : value;
}

/** Unchecked text: cut, and without U+0000, which PostgreSQL cannot store. */
function bounded(value: string, length: number): string {
  const cut = value.length > length ? `${value.slice(0, length)}…` : value;
  return copyText(cut.includes('\0') ? cut.replaceAll('\0', '\uFFFD') : cut);
}
