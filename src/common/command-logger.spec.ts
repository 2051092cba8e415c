import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CommandLogger } from './command-logger.js';

describe('CommandLogger', () => {
  const written: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };

  beforeEach(() => {
    for (const stream of ['stdout', 'stderr'] as const) {
      written[stream] = '';
      jest.spyOn(process[stream], 'write').mockImplementation((text) => {
        written[stream] += String(text);
        return true;
      });
    }
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const logger = new CommandLogger({ logLevels: ['warn', 'error', 'fatal'] });

  it('logs to standard error only', () => {
    logger.warn('the clocks differ', 'ClockService');
    expect(written).toEqual({ stdout: '', stderr: expect.stringContaining('[ClockService] ') });
    expect(written.stderr).toContain('the clocks differ');
  });

  it('does not log an error that Nest also throws', () => {
    logger.error(new Error('read ECONNRESET'), 'ExceptionHandler');
    expect(written).toEqual({ stdout: '', stderr: '' });
  });
});
