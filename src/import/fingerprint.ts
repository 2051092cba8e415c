import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * Tells whether a file that comes again is the same, and is asked the same of: a run may go on only then.
 *
 * The whole content, because a part would miss what was corrected in the middle; a second a gigabyte, of the minute that
 * it takes to import it.
 *
 * @param asked what else the outcome depends on, e.g. the tracker.
 * @throws the file system's error (ENOENT, EISDIR, EACCES).
 */
export async function fingerprintOf(
  file: string,
  asked: unknown,
): Promise<{ fingerprint: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { fingerprint: hash.update(JSON.stringify(asked)).digest('hex'), size };
}
