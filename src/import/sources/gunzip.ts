import { createGunzip, type Gunzip } from 'node:zlib';
import { brokenSource } from './source-errors.js';

const PROBLEMS: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'the gzip data ends too early: it was cut',
};

/** Whether the bytes begin like a gzip file; undefined while there are too few to tell. */
export function looksLikeGzip(head: Buffer, ended: boolean): boolean | undefined {
  if (head.length < 2) {
    return ended ? false : undefined;
  }
  return head[0] === 0x1f && head[1] === 0x8b;
}

/**
 * Decompresses gzip, all members of it, no faster than it is read: a bomb of gigabytes takes time but no memory.
 *
 * zlib.Gunzip is driven by hand because, in a pipeline, the error of a cut file discards what was decompressed just
 * before: here everything before a cut comes out first, and before damage all but the last 16 KiB.
 *
 * @throws DomainError `BAD_USER_INPUT` when the data is cut or damaged.
 */
export async function* gunzipped(
  name: string,
  compressed: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip();
  gunzip.on('error', () => undefined); // outputOf listens only while it waits
  try {
    for await (const chunk of compressed) {
      yield* outputOf(name, gunzip, (done) =>
        gunzip.write(chunk, () => {
          done(); // not called when the write fails: that is an error event
        }),
      );
    }
    // Only when all output is out: zlib reports a cut at this call, and drops the output of the call that reports it.
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
