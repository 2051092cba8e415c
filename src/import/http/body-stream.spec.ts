import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { bodyStream, wholeBody } from './body-stream.js';

const CHUNK = Buffer.alloc(1024, 'x');

describe('bodyStream', () => {
  it('reads the body no faster than its consumer', async () => {
    let chunksRead = 0;
    const body = new Readable({
      highWaterMark: 2048,
      read() {
        chunksRead++;
        this.push(CHUNK);
      },
    });
    const reader = bodyStream(body, Infinity)[Symbol.asyncIterator]();
    for (let i = 0; i < 5; i++) await reader.next();
    for (let i = 0; i < 50; i++) await turn();
    expect(chunksRead).toBeLessThan(40);
    body.destroy();
  });

  it('rejects a body that is too long, and leaves the connection open for the response', async () => {
    const body = Readable.from(Array.from({ length: 5 }, () => CHUNK));
    await expect(wholeBody(body, 3000)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(body.destroyed).toBe(false);
    expect(await wholeBody(Readable.from([CHUNK]), 1024)).toEqual(CHUNK);
  });

  it('leaves the connection open when the consumer stops early', async () => {
    const body = Readable.from([CHUNK, CHUNK, CHUNK]);
    const stream = bodyStream(body, Infinity);
    for await (const chunk of stream) {
      expect(chunk).toEqual(CHUNK);
      break;
    }
    expect(body.destroyed).toBe(false);
  });

  it('reports that the client disconnected', async () => {
    const body = new PassThrough();
    body.write(CHUNK);
    body.destroy(new Error('aborted'));
    await expect(wholeBody(body, Infinity)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'The body is incomplete: the client disconnected',
    });
  });

  it('yields nothing if there is no body', async () => {
    expect(await wholeBody(undefined, 1)).toHaveLength(0);
  });
});
