import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';

/** Long enough for tests that start servers, kill processes and wait for timers, and short enough to end a hang. */
jest.setTimeout(180_000);

/** Failures show in assertions; a test of the log sets its own logger. */
Logger.overrideLogger(false);
