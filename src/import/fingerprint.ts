import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * Identifies a file and the options of its import; an interrupted run is resumed only when both are the same.
 *
 * Hashes the whole content, because a partial hash would miss a correction in the middle. This takes one second per
 * gigabyte, while its import takes about a minute.
 *
 * @param options of the import, e.g. the tracker.
 * @returns the fingerprint (SHA-256, hex) and the size of the file in bytes.
 * @throws file system errors (ENOENT, EISDIR, EACCES).
 */
export async function fingerprintOf(
  file: string,
  options: unknown,
): Promise<{ fingerprint: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { fingerprint: hash.update(JSON.stringify(options)).digest('hex'), size };
}
