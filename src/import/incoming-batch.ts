import type { RejectedItem, SourceReport } from './report-source.js';

/** Characters per write: one write per row would cost more than the row itself. */
const PIECE = 65_536;
/** The quarantine keeps the beginning of a rejected item; it is not a second copy of the file. */
const MAX_RAW_TEXT = 2000;
const MAX_MESSAGE = 500;
/** No tracker has a longer name. */
const MAX_NAME = 200;
/** Columns of an item that is not a report: all before `source`, and the telemetry after it. */
const NULLS_BEFORE = '\t\\N'.repeat(8);
const NULLS_AFTER = '\t\\N'.repeat(5);

/**
 * Reports for one transaction, in COPY's text format: rows for the staging table `incoming_reports`, and rejected
 * reports for `refused_reports`, which the database does not check again.
 *
 * Kept as bytes outside V8's heap: 20,000 report objects that wait for a transaction survive garbage collections, and
 * moving them between generations took as long as parsing them. Buffers are freed so late that the process grew by tens
 * of megabytes, so a batch is cleared and reused after it was stored.
 */
export class IncomingBatch {
  /** Number of reports, including rejected ones. */
  reports = 0;
  /** Number of rejected items that are not reports. */
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

  /** Empties the batch for reuse. Rows that it returned before must no longer be read. */
  clear(): void {
    this.reports = 0;
    this.items = 0;
    this.lastPosition = null;
    this.incoming.clear();
    this.rejected.clear();
  }

  add(report: SourceReport, hashedAdvKey: string): void {
    this.incoming.add(this.fieldsOf(report, copyText(hashedAdvKey)));
    this.updateLastPosition(report.position);
    this.reports++;
  }

  /** Adds a report that could be parsed but not accepted, for example of an unknown tracker. */
  reject(report: SourceReport, reason: string, message: string): void {
    const key = report.hashedAdvKey === undefined ? '\\N' : bounded(report.hashedAdvKey, MAX_NAME);
    const tracker = report.tracker === undefined ? '\\N' : bounded(report.tracker, MAX_NAME);
    this.rejected.add(
      `${this.fieldsOf(report, key)}\t${reason}\t${bounded(message, MAX_MESSAGE)}\t${tracker}\t\\N`,
    );
    this.updateLastPosition(report.position);
    this.reports++;
  }

  /** Adds an item of the source that is not a report. */
  rejectItem({ position, reason, message, rawText }: RejectedItem): void {
    const text = rawText === undefined ? '\\N' : bounded(rawText, MAX_RAW_TEXT);
    this.rejected.add(
      `${position}${NULLS_BEFORE}\t${this.source}${NULLS_AFTER}\t${reason}\t${bounded(message, MAX_MESSAGE)}\t\\N\t${text}`,
    );
    this.updateLastPosition(position);
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

  private updateLastPosition(position: number): void {
    if (this.lastPosition === null || position > this.lastPosition) this.lastPosition = position;
  }
}

/** Rows as bytes, joined into one piece per write. */
class CopyText {
  length = 0;
  private readonly pieces: Buffer[] = [];
  /** Buffer of each piece; kept by {@link clear} for reuse. */
  private readonly buffers: Buffer[] = [];
  private pending = '';

  add(row: string): void {
    this.pending += `${row}\n`;
    this.length += row.length;
    if (this.pending.length >= PIECE) this.completePiece();
  }

  rows(): readonly Buffer[] {
    if (this.pending !== '') this.completePiece();
    return this.pieces;
  }

  clear(): void {
    this.length = 0;
    this.pieces.length = 0;
    this.pending = '';
  }

  private completePiece(): void {
    const at = this.pieces.length;
    const bytes = Buffer.byteLength(this.pending);
    let buffer = this.buffers[at];
    if (!buffer || buffer.length < bytes) {
      buffer = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * PIECE)); // a pooled buffer would keep its whole pool alive
      this.buffers[at] = buffer;
    }
    buffer.write(this.pending);
    this.pieces.push(buffer.subarray(0, bytes));
    this.pending = '';
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** Escapes the special characters of the text format. Source: PostgreSQL manual, COPY, text format. */
function copyText(value: string): string {
  return /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (char) => ESCAPES[char] ?? char) : value;
}

/** Truncates unchecked text, and replaces U+0000, which PostgreSQL cannot store. */
function bounded(value: string, length: number): string {
  const cut = value.length > length ? `${value.slice(0, length)}…` : value;
  return copyText(cut.includes('\0') ? cut.replaceAll('\0', '\uFFFD') : cut);
}
