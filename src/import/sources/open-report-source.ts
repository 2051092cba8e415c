import type { Readable } from 'node:stream';
import type { ReportSource } from '../report-source.js';
import { bytesOf, peek } from './bytes.js';
import { CsvSource } from './csv/csv.source.js';
import { SUPPORTED_FORMATS } from './unsupported.js';
import { GpxSource } from './gpx/gpx.source.js';
import { gunzipped, looksLikeGzip } from './gunzip.js';
import { JsonSource } from './json/json.source.js';
import { LinesSource } from './lines.source.js';
import { reportFromLine } from './ndjson/ndjson-report.js';
import { reportFromOwnTracksLine } from './owntracks/owntracks-line.js';
import { detectFormat, type DetectedFormat } from './detect-format.js';
import { brokenSource } from './source-errors.js';

/**
 * Opens an input of reports. Detects the format by content, and decompresses gzip.
 *
 * Reads only as much as detection needs; {@link ReportSource.batches} reads the rest.
 *
 * @param name of the input, for messages: a file name, or a URL without secrets.
 * @param input bytes or UTF-8 text; destroyed when this fails.
 * @throws DomainError `BAD_USER_INPUT` when the content is empty or in an unsupported format; the message describes the
 *   content, and `details` has `source`.
 * @throws errors of the input (ENOENT, EISDIR), unchanged.
 */
export async function openReportSource(name: string, input: Readable): Promise<ReportSource> {
  try {
    const raw = await peek(bytesOf(input), looksLikeGzip);
    const { verdict, bytes } = await peek(raw.verdict ? gunzipped(name, raw.bytes) : raw.bytes, detectFormat);
    return sourceOf(name, verdict, bytes);
  } catch (error) {
    input.destroy();
    throw error;
  }
}

function sourceOf(name: string, verdict: DetectedFormat, bytes: AsyncIterable<Buffer>): ReportSource {
  if ('unsupported' in verdict) {
    throw brokenSource(name, `this is ${verdict.unsupported}; ${SUPPORTED_FORMATS}`);
  }
  switch (verdict.format) {
    case 'ndjson':
      return new LinesSource('ndjson', bytes, reportFromLine);
    case 'owntracks-lines':
      return new LinesSource('owntracks', bytes, reportFromOwnTracksLine);
    case 'gpx':
      return new GpxSource(name, bytes);
    case 'csv':
      return new CsvSource(name, bytes, verdict.layout);
    case 'json':
      return new JsonSource(name, bytes, verdict.document);
  }
}
