import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';

/** Servers are started, processes killed and clocks waited for; a hang still ends. */
jest.setTimeout(180_000);

/** What went wrong shows in an assertion; a test that is about the log sets its own. */
Logger.overrideLogger(false);
