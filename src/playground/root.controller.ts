import { Controller, Get, Redirect } from '@nestjs/common';
import { PLAYGROUND_PATH } from './playground-paths.js';

/** Sends who opens the bare address of the server to the playground: it is the only page there is. */
@Controller()
export class RootController {
  @Get()
  @Redirect(PLAYGROUND_PATH, 302)
  toPlayground(): void {
    // The decorator has said it all.
  }
}
