import { Controller, Get, Redirect } from '@nestjs/common';
import { PLAYGROUND_PATH } from './playground-paths.js';

/** Redirects the root address to the playground, the only page. */
@Controller()
export class RootController {
  @Get()
  @Redirect(PLAYGROUND_PATH, 302)
  toPlayground(): void {
    // The decorator does everything.
  }
}
