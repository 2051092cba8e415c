import { createReadStream } from 'node:fs';
import { Controller, Get, Header, NotFoundException, Param, Res, StreamableFile } from '@nestjs/common';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_CONTENT_SECURITY_POLICY, PAGE_HTML, PAGE_ICON, PAGE_STYLE } from './page.js';
import { findAsset } from './playground-assets.js';
import { PLAYGROUND_PATH } from './playground-paths.js';

/** The part of Fastify's reply that this file uses. */
interface Reply {
  header(name: string, value: string): unknown;
}

// For small files whose content may change under the same address: the browser revalidates them on every visit.
const REVALIDATE = 'no-cache';
const CACHE_A_YEAR = 'public, max-age=31536000, immutable';

/** Serves the GraphQL IDE: its page, its own small files, and a fixed list of library files. */
@Controller(PLAYGROUND_PATH)
export class PlaygroundController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', REVALIDATE)
  @Header('Content-Security-Policy', PAGE_CONTENT_SECURITY_POLICY)
  @Header('Referrer-Policy', 'no-referrer')
  @Header('X-Content-Type-Options', 'nosniff')
  page(): string {
    return PAGE_HTML;
  }

  @Get('app.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Cache-Control', REVALIDATE)
  @Header('X-Content-Type-Options', 'nosniff')
  script(): string {
    return PAGE_SCRIPT;
  }

  @Get('app.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', REVALIDATE)
  @Header('X-Content-Type-Options', 'nosniff')
  style(): string {
    return PAGE_STYLE;
  }

  @Get('favicon.svg')
  @Header('Content-Type', 'image/svg+xml')
  @Header('Cache-Control', REVALIDATE)
  @Header('X-Content-Type-Options', 'nosniff')
  icon(): string {
    return PAGE_ICON;
  }

  /** @throws NotFoundException for a file that is not on the list. */
  @Get('assets/:release/:name')
  @Header('X-Content-Type-Options', 'nosniff')
  asset(
    @Param('release') release: string,
    @Param('name') name: string,
    @Res({ passthrough: true }) reply: Reply,
  ): StreamableFile {
    const asset = findAsset(release, name);
    if (asset === undefined) {
      throw new NotFoundException();
    }
    // Not as a decorator, which would make browsers cache the 404 of an unknown asset for a year.
    reply.header('Cache-Control', CACHE_A_YEAR);
    return new StreamableFile(createReadStream(asset.file), { type: asset.type });
  }
}
