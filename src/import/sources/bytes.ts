import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Larger chunks (a whole body in one buffer) are handed on in pieces, which bounds the batches made of them. */
const PIECE = 65_536;
/** How much longer a beginning has to be for another look at it: looks at every byte would take quadratic time. */
const GROWTH = 1.2;

/**
 * The bytes of a stream, in pieces of at most 64 KiB, read as they are asked for.
 *
 * @throws whatever the stream fails with, unchanged.
 */
export async function* bytesOf(input: Readable): AsyncGenerator<Buffer, void, undefined> {
  // The stream's own iterator destroys it when the loop is left early.
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let at = 0; at < bytes.length; at += PIECE) {
      yield bytes.subarray(at, at + PIECE);
    }
  }
}

export interface Peeked<T> {
  readonly verdict: T;
  /** All bytes from the first on, those that were looked at included. */
  readonly bytes: AsyncGenerator<Buffer, void, undefined>;
}

/**
 * Looks at the beginning of `bytes`.
 *
 * @param judge is called when enough more has arrived for another look, until it returns something; `ended` tells that no more will come,
 *   and then it has to.
 */
export async function peek<T>(
  bytes: AsyncGenerator<Buffer, void, undefined>,
  judge: (head: Buffer, ended: boolean) => T | undefined,
): Promise<Peeked<T>> {
  const pieces: Buffer[] = [];
  let [length, lookAt] = [0, 0];
  try {
    for (;;) {
      const next = await bytes.next();
      const ended = next.done === true;
      if (!ended) {
        pieces.push(next.value);
        length += next.value.length;
      }
      if (length < lookAt && !ended) {
        continue;
      }
      lookAt = length * GROWTH;
      const head = Buffer.concat(pieces.splice(0));
      pieces.push(head);
      const verdict = judge(head, ended);
      if (verdict !== undefined) {
        return { verdict, bytes: resumed(head, bytes) };
      }
      if (ended) {
        throw new Error('judge came to no verdict at the end of the input');
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
    await rest.return(); // left at the head, the loop above has not begun
  }
}

/**
 * UTF-8 text, without byte order mark, in the pieces that it arrived in; what is not UTF-8 becomes U+FFFD.
 * No piece is empty, and none ends within a character.
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
  const cutCharacter = decoder.end();
  if (cutCharacter !== '') {
    yield cutCharacter;
  }
}
