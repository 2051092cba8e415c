import type { Readable } from 'node:stream';
import type { ReportSource } from '../report-source.js';
import { bytesOf, peek } from './bytes.js';
import { CsvSource } from './csv/csv.source.js';
import { FORMATS_TAKEN } from './foreign.js';
import { GpxSource } from './gpx/gpx.source.js';
import { gunzipped, looksLikeGzip } from './gunzip.js';
import { JsonSource } from './json/json.source.js';
import { LinesSource } from './lines.source.js';
import { reportFromLine } from './ndjson/ndjson-report.js';
import { reportFromOwnTracksLine } from './owntracks/owntracks-line.js';
import { recognise, type Recognised } from './recognise.js';
import { brokenSource } from './source-errors.js';

/**
 * Opens a file of reports; which format it has is told by its content. Gzip is undone on the way.
 *
 * The input is read only as far as needed to tell, and from then on by {@link ReportSource.batches}.
 *
 * @param name of the input, for messages: a file name, a URL without secrets.
 * @param input bytes (or UTF-8 text); destroyed when this fails.
 * @throws DomainError `BAD_USER_INPUT` when the content is empty or of no format that is taken; the message names what
 *   it looks like. `details` has `source`.
 * @throws whatever the input itself fails with (ENOENT, EISDIR), unchanged.
 */
export async function openReportSource(name: string, input: Readable): Promise<ReportSource> {
  try {
    const raw = await peek(bytesOf(input), looksLikeGzip);
    const { verdict, bytes } = await peek(raw.verdict ? gunzipped(name, raw.bytes) : raw.bytes, recognise);
    return sourceOf(name, verdict, bytes);
  } catch (error) {
    input.destroy();
    throw error;
  }
}

function sourceOf(name: string, verdict: Recognised, bytes: AsyncIterable<Buffer>): ReportSource {
  if ('foreign' in verdict) {
    throw brokenSource(name, `this is ${verdict.foreign}; ${FORMATS_TAKEN}`);
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
