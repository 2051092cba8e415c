import { Readable } from 'node:stream';
import { DomainError } from '../../../common/errors/domain-error.js';
import type { RejectedItem, SourceReport } from '../../report-source.js';
import { openReportSource } from '../open-report-source.js';

/** For specs: everything that a source yielded, and the error that ended it, if any. */
export interface Reading {
  format: string | undefined;
  reports: SourceReport[];
  rejected: RejectedItem[];
  error: DomainError | undefined;
}

/**
 * Reads an input to its end.
 *
 * @param chunkSize in bytes; the input arrives in chunks of this size.
 * @throws every error other than a DomainError.
 */
export function readAll(content: string | Buffer, chunkSize = 65_536): Promise<Reading> {
  return readPieces(chunksOf(Buffer.from(content), chunkSize));
}

/** Like {@link readAll}, for an input that is generated while it is read. */
export async function readPieces(pieces: Iterable<Buffer>): Promise<Reading> {
  const reading: Reading = { format: undefined, reports: [], rejected: [], error: undefined };
  try {
    const source = await openReportSource('walk', Readable.from(pieces));
    reading.format = source.format;
    for await (const batch of source.batches()) {
      reading.reports.push(...batch.reports);
      reading.rejected.push(...batch.rejected);
    }
  } catch (error) {
    if (!(error instanceof DomainError)) {
      throw error;
    }
    reading.error = error;
  }
  return reading;
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

/** For specs: returns a GPX document with this content. */
export function gpx(content: string): string {
  return `<?xml version="1.0"?>\n<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">${content}</gpx>\n`;
}
