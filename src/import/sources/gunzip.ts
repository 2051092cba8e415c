import { createGunzip, type Gunzip } from 'node:zlib';
import { brokenSource } from './source-errors.js';

const PROBLEMS: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'the gzip data is truncated',
};

/** Whether the bytes start like a gzip file; undefined while there are too few bytes. */
export function looksLikeGzip(head: Buffer, ended: boolean): boolean | undefined {
  if (head.length < 2) {
    return ended ? false : undefined;
  }
  return head[0] === 0x1f && head[1] === 0x8b;
}

/**
 * Decompresses all members of gzip data, no faster than the output is read: a decompression bomb takes time but no
 * memory.
 *
 * zlib.Gunzip is driven by hand: in a pipeline, the error of a truncated file discards the data decompressed just
 * before. Here everything before a truncation is yielded first; before damage, everything but the last 16 KiB.
 *
 * @throws DomainError `BAD_USER_INPUT` when the data is truncated or damaged.
 */
export async function* gunzipped(
  name: string,
  compressed: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip();
  gunzip.on('error', () => undefined); // outputOf has a listener only while it waits
  try {
    for await (const chunk of compressed) {
      yield* outputOf(name, gunzip, (done) =>
        gunzip.write(chunk, () => {
          done(); // not called when the write fails; there is an error event instead
        }),
      );
    }
    // Only after all output was read: zlib reports a truncation at this call, and drops the output of that call.
    yield* outputOf(name, gunzip, (done) => gunzip.once('end', done).end());
  } finally {
    gunzip.destroy();
  }
}

async function* outputOf(
  name: string,
  gunzip: Gunzip,
  begin: (done: () => void) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const state: { finished: boolean; failure?: Error; wake: () => void } = {
    finished: false,
    wake: () => undefined,
  };
  const onReadable = () => {
    state.wake();
  };
  const onError = (error: Error) => {
    state.failure = error;
    state.wake();
  };
  gunzip.on('readable', onReadable).on('error', onError);
  begin(() => {
    state.finished = true;
    state.wake();
  });
  try {
    for (;;) {
      for (let piece = next(gunzip); piece !== null; piece = next(gunzip)) {
        yield piece;
      }
      if (state.failure) {
        throw broken(name, state.failure);
      }
      if (state.finished) {
        return;
      }
      await new Promise<void>((resolve) => (state.wake = resolve));
    }
  } finally {
    gunzip.off('readable', onReadable).off('error', onError);
  }
}

function next(gunzip: Gunzip): Buffer | null {
  return gunzip.read() as Buffer | null;
}

function broken(name: string, error: NodeJS.ErrnoException): Error {
  const problem = PROBLEMS[error.code ?? ''] ?? `the gzip data is damaged (${error.message})`;
  return brokenSource(name, problem, { zlib: error.code }, error);
}
