import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Larger chunks, such as a whole body in one buffer, are split into pieces of this size, which bounds batches. */
const PIECE = 65_536;
/** The input must grow by this factor before it is inspected again; inspecting each chunk would take quadratic time. */
const GROWTH = 1.2;

/**
 * The bytes of a stream, read on demand in pieces of at most 64 KiB.
 *
 * @throws errors of the stream, unchanged.
 */
export async function* bytesOf(input: Readable): AsyncGenerator<Buffer, void, undefined> {
  // The stream's iterator destroys the stream when the loop exits early.
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let at = 0; at < bytes.length; at += PIECE) {
      yield bytes.subarray(at, at + PIECE);
    }
  }
}

export interface Peeked<T> {
  readonly verdict: T;
  /** All bytes, including those that were inspected. */
  readonly bytes: AsyncGenerator<Buffer, void, undefined>;
}

/**
 * Inspects the beginning of `bytes`.
 *
 * @param judge called with a growing beginning until it returns a verdict; it must return one if `ended` is true,
 *   because there is no more input.
 */
export async function peek<T>(
  bytes: AsyncGenerator<Buffer, void, undefined>,
  judge: (head: Buffer, ended: boolean) => T | undefined,
): Promise<Peeked<T>> {
  const pieces: Buffer[] = [];
  let [length, inspectAt] = [0, 0];
  try {
    for (;;) {
      const next = await bytes.next();
      const ended = next.done === true;
      if (!ended) {
        pieces.push(next.value);
        length += next.value.length;
      }
      if (length < inspectAt && !ended) {
        continue;
      }
      inspectAt = length * GROWTH;
      const head = Buffer.concat(pieces.splice(0));
      pieces.push(head);
      const verdict = judge(head, ended);
      if (verdict !== undefined) {
        return { verdict, bytes: resumed(head, bytes) };
      }
      if (ended) {
        throw new Error('judge returned no verdict at the end of the input');
      }
    }
  } catch (error) {
    await bytes.return();
    throw error;
  }
}

async function* resumed(
  head: Buffer,
  rest: AsyncGenerator<Buffer, void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield head;
    yield* rest;
  } finally {
    await rest.return(); // yield* has not started if the consumer stopped at the head
  }
}

/**
 * Decodes UTF-8 piece by piece, without the byte order mark; invalid bytes become U+FFFD. No piece is empty, and none
 * ends within a character.
 */
export async function* textOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let atStart = true;
  for await (const chunk of bytes) {
    let text = decoder.write(chunk);
    if (atStart && text !== '') {
      atStart = false;
      text = text.startsWith('\uFEFF') ? text.slice(1) : text;
    }
    if (text !== '') {
      yield text;
    }
  }
  const incomplete = decoder.end();
  if (incomplete !== '') {
    yield incomplete;
  }
}
