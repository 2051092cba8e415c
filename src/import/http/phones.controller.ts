import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { Body, Controller, Headers, HttpCode, Post, Query, UseGuards } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { ImportService } from '../import.service.js';
import { wholeBody } from './body-stream.js';
import { OverlandQuery, OwnTracksQuery } from './import.query.js';
import { ImportTokenGuard } from './import-token.guard.js';

/** Maximum size of a body in bytes: Overland sends up to a few thousand points at a time, half a kilobyte each. */
const MAX_BODY = 8 * 1024 * 1024;

/**
 * Imports the reports that phone apps post, and responds as each app expects. An app resends until it gets a success
 * response, so it gets one as soon as its reports are committed, even if some of them were rejected.
 */
@Controller('import')
@UseGuards(ImportTokenGuard)
export class PhonesController {
  constructor(private readonly imports: ImportService) {}

  /** OwnTracks in HTTP mode, one message per request. The device is `user/device`, from the URL or headers. */
  @Post('owntracks')
  @HttpCode(200)
  async ownTracks(
    @Body() body: Readable | undefined,
    @Query() { u, d }: OwnTracksQuery,
    @Headers('x-limit-u') limitU: string | undefined,
    @Headers('x-limit-d') limitD: string | undefined,
  ): Promise<[]> {
    // An empty header counts as left out, as an empty parameter does.
    const user = u ?? (limitU || undefined);
    const name = d ?? (limitD || undefined);
    const device = user !== undefined && name !== undefined ? `${user}/${name}` : undefined;
    const message = await jsonBody(body);
    if (message === undefined) return []; // the app sometimes sends an empty body
    if (isEncrypted(message.value)) {
      throw new DomainError(
        'BAD_USER_INPUT',
        'The message is encrypted, and this server cannot decrypt it; nothing was stored. ' +
          'Clear the encryption key in the app, and use HTTPS to protect what it sends',
      );
    }
    await this.imports.importStream(Readable.from([message.text]), {
      kind: 'owntracks',
      name: 'OwnTracks',
      dailyRun: true,
      device,
    });
    return [];
  }

  /** Overland: a batch of reports, each with its `device_id`; the parameter `tracker` overrides it in all of them. */
  @Post('overland')
  @HttpCode(200)
  async overland(
    @Body() body: Readable | undefined,
    @Query() { tracker: device }: OverlandQuery,
  ): Promise<{ result: 'ok' }> {
    const batch = await jsonBody(body);
    if (batch === undefined)
      throw new DomainError(
        'BAD_USER_INPUT',
        'The body is empty; it must be a batch of Overland: {"locations": [...]}',
      );
    if (!isEmptyBatch(batch.value)) {
      await this.imports.importStream(Readable.from([batch.text]), {
        kind: 'overland',
        name: 'Overland',
        dailyRun: true,
        device,
      });
    }
    return { result: 'ok' };
  }
}

/** Reads and parses the whole body, before anything is stored; undefined if it is blank. */
async function jsonBody(body: Readable | undefined): Promise<{ value: unknown; text: Buffer } | undefined> {
  const bytes = unzipped(await wholeBody(body, MAX_BODY));
  const text = bytes.toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return { value: JSON.parse(text), text: bytes };
  } catch (error) {
    throw new DomainError('BAD_USER_INPUT', 'The body is not valid JSON', { cause: error });
  }
}

function unzipped(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BODY });
  } catch (error) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `The gzip data is damaged, or longer than ${MAX_BODY} bytes when decompressed`,
      { cause: error },
    );
  }
}

function isEncrypted(message: unknown): boolean {
  return (message as { _type?: unknown } | null)?._type === 'encrypted';
}

function isEmptyBatch(batch: unknown): boolean {
  const locations = (batch as { locations?: unknown } | null)?.locations;
  return Array.isArray(locations) && locations.length === 0;
}
