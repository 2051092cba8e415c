import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { FailureLog } from './failure-log.js';

describe('failures of what is tried again and again', () => {
  const away = (): Error => Object.assign(new Error('connect 10.1.2.3:5432'), { code: 'ECONNREFUSED' });
  let said: string[];
  let failures: FailureLog;

  beforeEach(() => {
    jest.useFakeTimers();
    said = [];
    const logger = new Logger();
    jest.spyOn(logger, 'error').mockImplementation((text: unknown, stack?: unknown) => {
      said.push(`${String(text)}${typeof stack === 'string' ? ' with its stack' : ''}`);
    });
    jest.spyOn(logger, 'log').mockImplementation((text: unknown) => said.push(String(text)));
    failures = new FailureLog(logger);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are told once, and so is their end', async () => {
    for (let i = 0; i < 100; i++) await failures.attempt('look', () => Promise.reject(away()));
    await failures.attempt('look', () => Promise.resolve());
    await failures.attempt('look', () => Promise.resolve());
    expect(said).toEqual(['could not look: The database cannot be reached at the moment', 'can look again']);
  });

  it('are told again when they are others, and after a while', () => {
    failures.recordFailure('look', away());
    failures.recordFailure('look', new Error('of ours'));
    failures.recordFailure('look', new Error('of ours'));
    failures.recordFailure('ask', away());
    expect(said).toEqual([
      expect.stringMatching(/^could not look: The database/),
      'could not look: of ours with its stack',
      expect.stringMatching(/^could not ask: The database/),
    ]);
    jest.advanceTimersByTime(9 * 60_000);
    failures.recordFailure('look', new Error('of ours'));
    expect(said).toHaveLength(3);
    jest.advanceTimersByTime(61_000);
    failures.recordFailure('look', new Error('of ours'));
    expect(said).toHaveLength(4);
  });
});
