import type { ReportSource, SourceBatch } from '../../report-source.js';
import { textOf } from '../bytes.js';
import { batchesAfter } from '../batch-collector.js';
import { GpxReader } from './gpx-reader.js';

/**
 * GPX 1.0 and 1.1: every `<trkpt>` with a `<time>`, of all tracks and segments, in the order of the file.
 *
 * Read as UTF-8 whatever the declaration says: the imported fields are ASCII in all encodings that are not rejected
 * before.
 */
export class GpxSource implements ReportSource {
  readonly format = 'gpx';

  /** @param name of the source, for messages. */
  constructor(
    private readonly name: string,
    private readonly bytes: AsyncIterable<Buffer>,
  ) {}

  async *batches(): AsyncGenerator<SourceBatch, void, undefined> {
    const reader = new GpxReader(this.name);
    const parsed = () => reader.batches();
    for await (const text of textOf(this.bytes)) {
      yield* batchesAfter(() => {
        reader.read(text);
      }, parsed);
    }
    yield* batchesAfter(() => {
      reader.end();
    }, parsed);
  }
}
