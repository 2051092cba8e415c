import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { FailureLog } from './failure-log.js';

describe('FailureLog', () => {
  const unreachable = (): Error =>
    Object.assign(new Error('connect 10.1.2.3:5432'), { code: 'ECONNREFUSED' });
  let logged: string[];
  let failures: FailureLog;

  beforeEach(() => {
    jest.useFakeTimers();
    logged = [];
    const logger = new Logger();
    jest.spyOn(logger, 'error').mockImplementation((text: unknown, stack?: unknown) => {
      logged.push(`${String(text)}${typeof stack === 'string' ? ' with its stack' : ''}`);
    });
    jest.spyOn(logger, 'log').mockImplementation((text: unknown) => logged.push(String(text)));
    failures = new FailureLog(logger);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('logs a repeated failure once, and its recovery', async () => {
    for (let i = 0; i < 100; i++) await failures.attempt('refresh', () => Promise.reject(unreachable()));
    await failures.attempt('refresh', () => Promise.resolve());
    await failures.attempt('refresh', () => Promise.resolve());
    expect(logged).toEqual([
      'could not refresh: The database cannot be reached at the moment',
      'can refresh again',
    ]);
  });

  it('logs a failure again when it changes, and after ten minutes', () => {
    failures.recordFailure('refresh', unreachable());
    failures.recordFailure('refresh', new Error('a bug'));
    failures.recordFailure('refresh', new Error('a bug'));
    failures.recordFailure('fetch', unreachable());
    expect(logged).toEqual([
      expect.stringMatching(/^could not refresh: The database/),
      'could not refresh: a bug with its stack',
      expect.stringMatching(/^could not fetch: The database/),
    ]);
    jest.advanceTimersByTime(9 * 60_000);
    failures.recordFailure('refresh', new Error('a bug'));
    expect(logged).toHaveLength(3);
    jest.advanceTimersByTime(61_000);
    failures.recordFailure('refresh', new Error('a bug'));
    expect(logged).toHaveLength(4);
  });
});
