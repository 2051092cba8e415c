import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { Body, Controller, Headers, HttpCode, Post, Query, UseGuards } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { ImportService } from '../import.service.js';
import { wholeBody } from './body-stream.js';
import { ImportTokenGuard } from './import-token.guard.js';
import { textOf } from './query-text.js';

/** Overland sends up to a few thousand points at a time, of half a kilobyte each. */
const MAX_BODY = 8 * 1024 * 1024;

/**
 * What apps on phones post, answered as they expect. They send again what was not answered with success: so they get
 * that as soon as their reports are committed, also where some are rejected or nobody's; those are in the quarantine.
 */
@Controller('import')
@UseGuards(ImportTokenGuard)
export class PhonesController {
  constructor(private readonly imports: ImportService) {}

  /** OwnTracks in HTTP mode: one message a request. The device is `user/device`, of the address or of the app's headers. */
  @Post('owntracks')
  @HttpCode(200)
  async ownTracks(
    @Body() body: Readable | undefined,
    @Query('u') u: unknown,
    @Query('d') d: unknown,
    @Headers('x-limit-u') limitU: string | undefined,
    @Headers('x-limit-d') limitD: string | undefined,
  ): Promise<[]> {
    const user = textOf('u', u) ?? textOf('x-limit-u', limitU);
    const name = textOf('d', d) ?? textOf('x-limit-d', limitD);
    const device = user !== undefined && name !== undefined ? `${user}/${name}` : undefined;
    const message = await jsonBody(body);
    if (message === undefined) return []; // the app does send nothing at times
    if (isEncrypted(message.value)) {
      throw new DomainError(
        'BAD_USER_INPUT',
        'The message is encrypted and cannot be read here; nothing was stored. Clear the encryption key in the app, ' +
          'and let TLS protect what it sends',
      );
    }
    await this.imports.importStream(Readable.from([message.text]), {
      kind: 'owntracks',
      name: 'OwnTracks',
      standing: true,
      device,
    });
    return [];
  }

  /** Overland: a batch of reports, each with its `device_id`; `tracker` in the address stands for all of them. */
  @Post('overland')
  @HttpCode(200)
  async overland(
    @Body() body: Readable | undefined,
    @Query('tracker') tracker: unknown,
  ): Promise<{ result: 'ok' }> {
    const device = textOf('tracker', tracker);
    const batch = await jsonBody(body);
    if (batch === undefined) throw new DomainError('BAD_USER_INPUT', 'The body is empty');
    if (!isEmptyBatch(batch.value)) {
      await this.imports.importStream(Readable.from([batch.text]), {
        kind: 'overland',
        name: 'Overland',
        standing: true,
        device,
      });
    }
    return { result: 'ok' };
  }
}

/** A body that must be whole before any of it is stored; undefined of one without content. */
async function jsonBody(body: Readable | undefined): Promise<{ value: unknown; text: Buffer } | undefined> {
  const bytes = unzipped(await wholeBody(body, MAX_BODY));
  const text = bytes.toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return { value: JSON.parse(text), text: bytes };
  } catch (error) {
    throw new DomainError('BAD_USER_INPUT', 'The body is no JSON', { cause: error });
  }
}

function unzipped(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BODY });
  } catch (error) {
    throw new DomainError('BAD_USER_INPUT', 'The gzip data is damaged, or holds too much', { cause: error });
  }
}

function isEncrypted(message: unknown): boolean {
  return (message as { _type?: unknown } | null)?._type === 'encrypted';
}

function isEmptyBatch(batch: unknown): boolean {
  const locations = (batch as { locations?: unknown } | null)?.locations;
  return Array.isArray(locations) && locations.length === 0;
}
