import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/errors/domain-error.js';
import { loadConfig } from './app-config.js';

/** The problems of an environment, one per item. */
function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toHaveProperty('code', 'BAD_CONFIGURATION');
    const [title, ...problems] = (error as DomainError).message.split('\n  ');
    expect(title).toBe('The configuration is wrong:');
    return problems;
  }
  return [];
}

describe('loadConfig', () => {
  it('has a default for everything', () => {
    expect(loadConfig({})).toMatchObject({
      EMBEDDED_DATA_DIR: '.data',
      APP_ROLES: ['api', 'refresher', 'importer', 'geocoder'],
      HOST: '127.0.0.1',
      PORT: 3000,
      HISTORY_ENGINE: 'auto',
      RAW_RETENTION_DAYS: 2,
      HOURLY_RETENTION_HOURS: 24,
      DAILY_RETENTION_DAYS: 365,
      MAX_ACCURACY_METERS: 1000,
    });
    expect(loadConfig({}).DATABASE_URL).toBeUndefined();
  });

  it('reads the variables that are set, converts numbers and ignores unknown variables', () => {
    const config = loadConfig({
      DATABASE_URL: 'postgresql://someone:secret@db:5433/tracker?sslmode=require',
      PORT: '0',
      LOG_FORMAT: 'json',
      PATH: '/usr/bin',
    });
    expect(config).toMatchObject({
      DATABASE_URL: 'postgresql://someone:secret@db:5433/tracker?sslmode=require',
      PORT: 0,
      LOG_FORMAT: 'json',
    });
    expect(config).not.toHaveProperty('PATH');
  });

  it('treats an empty value as not set', () => {
    const empty = { DATABASE_URL: '', REDIS_URL: '', PORT: '', HISTORY_ENGINE: '', EMBEDDED_DATA_DIR: '' };
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it('accepts roles in any order and drops duplicates', () => {
    expect(loadConfig({ APP_ROLES: 'api' }).APP_ROLES).toEqual(['api']);
    expect(loadConfig({ APP_ROLES: ' geocoder, importer,geocoder' }).APP_ROLES).toEqual([
      'geocoder',
      'importer',
    ]);
  });

  it.each(['worker', 'api,worker', 'api,', ',', 'API', 'api refresher'])(
    'rejects the roles "%s"',
    (value) => {
      expect(problemsOf({ APP_ROLES: value })).toEqual([
        `APP_ROLES must be a comma-separated list of: api, refresher, importer, geocoder (got "${value}")`,
      ]);
    },
  );

  it.each([
    ['0', 0],
    ['99.5', 99.5],
    ['20037508', 20_037_508],
  ])('accepts MAX_ACCURACY_METERS=%s', (value, meters) => {
    expect(loadConfig({ MAX_ACCURACY_METERS: value }).MAX_ACCURACY_METERS).toBe(meters);
  });

  it.each([
    ['-1', 'must not be less than 0'],
    ['20037509', 'must not be greater than 20037508'],
    ['off', 'must be a number'],
    ['Infinity', 'must be a number'],
  ])('rejects MAX_ACCURACY_METERS=%s', (value, problem) => {
    expect(problemsOf({ MAX_ACCURACY_METERS: value })).toEqual([
      `MAX_ACCURACY_METERS ${problem} (got "${value}")`,
    ]);
  });

  it('returns a frozen object', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('lists all problems at once', () => {
    const problems = problemsOf({
      PORT: '65536',
      DATABASE_POOL_SIZE: 'many',
      HISTORY_ENGINE: 'oracle',
      LOG_FORMAT: 'xml',
      REFRESH_MIN_GAP_MS: '-1',
      RAW_RETENTION_DAYS: '1.5',
    });
    expect(problems).toHaveLength(6);
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
      'DATABASE_POOL_SIZE',
      'HISTORY_ENGINE',
      'LOG_FORMAT',
      'PORT',
      'RAW_RETENTION_DAYS',
      'REFRESH_MIN_GAP_MS',
    ]);
    expect(problems).toContain('PORT must not be greater than 65535 (got "65536")');
    expect(problems).toContain('DATABASE_POOL_SIZE must be an integer number (got "many")');
  });

  it.each([
    ['DATABASE_URL', 'must begin with postgresql:// or postgres://'],
    ['DATABASE_DIRECT_URL', 'must begin with postgresql:// or postgres://'],
    ['DATABASE_LISTEN_URL', 'must begin with postgresql:// or postgres://'],
    ['REDIS_URL', 'must be a URL address'],
  ])('never shows the value of %s', (name, problem) => {
    const problems = problemsOf({ [name]: 'http://someone:hunter2@db.internal/tracker' });
    expect(problems).toEqual([`${name} ${problem}`]);
  });

  it('accepts the deprecated name of DATABASE_DIRECT_URL, but not with another address', () => {
    const [url, direct, other] = ['postgresql://pooler/x', 'postgresql://db/x', 'postgresql://other/x'];
    expect(loadConfig({ DATABASE_URL: url, DATABASE_LISTEN_URL: direct }).DATABASE_LISTEN_URL).toBe(direct);
    const both = { DATABASE_URL: url, DATABASE_DIRECT_URL: direct };
    expect(problemsOf({ ...both, DATABASE_LISTEN_URL: direct })).toEqual([]);
    expect(problemsOf({ ...both, DATABASE_LISTEN_URL: other })).toEqual([
      'DATABASE_DIRECT_URL and DATABASE_LISTEN_URL are set to different addresses: remove DATABASE_LISTEN_URL, its older name',
    ]);
    expect(problemsOf({ DATABASE_DIRECT_URL: direct })).toEqual([
      'DATABASE_DIRECT_URL is set without DATABASE_URL: set both, or neither for the private server',
    ]);
  });

  it.each([
    ['DATABASE_URL', 'db/tracker'],
    ['DATABASE_URL', 'mysql://db/tracker'],
    ['REDIS_URL', 'localhost:6379'],
  ])('rejects %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toHaveLength(1);
  });

  it.each(['tracker', 'mine:staging', 'a.b-c_d', 'location_history_2'])(
    'accepts REDIS_KEY_PREFIX=%s',
    (prefix) => {
      expect(loadConfig({ REDIS_KEY_PREFIX: prefix }).REDIS_KEY_PREFIX).toBe(prefix);
    },
  );

  it.each(['location_history', 'location_history:mine', 'mine:', ':mine', 'a b', 'a*', '{a}'])(
    'rejects REDIS_KEY_PREFIX=%s',
    (prefix) => {
      expect(problemsOf({ REDIS_KEY_PREFIX: prefix })).toEqual([
        expect.stringMatching(/^REDIS_KEY_PREFIX must be letters, digits .* \(got ".*"\)$/),
      ]);
    },
  );

  it('rejects an hourly retention longer than that of the raw reports that could repair the hours', () => {
    expect(problemsOf({ HOURLY_RETENTION_HOURS: '48', RAW_RETENTION_DAYS: '2' })).toEqual([]);
    expect(problemsOf({ HOURLY_RETENTION_HOURS: '49', RAW_RETENTION_DAYS: '2' })).toEqual([
      'HOURLY_RETENTION_HOURS (49) is 3 days, longer than RAW_RETENTION_DAYS (2): ' +
        'hours without raw reports could not be repaired',
    ]);
  });

  it('rejects a daily retention that would drop days while their raw reports are kept', () => {
    expect(problemsOf({ DAILY_RETENTION_DAYS: '15', RAW_RETENTION_DAYS: '14' })).toEqual([]);
    expect(problemsOf({ DAILY_RETENTION_DAYS: '14', RAW_RETENTION_DAYS: '14' })).toEqual([
      'DAILY_RETENTION_DAYS (14) must be longer than RAW_RETENTION_DAYS (14): ' +
        'a day would lose its history while its reports are still kept',
    ]);
  });

  it.each(['* * * * * *', '61 * * * *', 'hourly', '0 25 * * *'])(
    'rejects %j as a cron expression',
    (cron) => {
      expect(problemsOf({ IMPORT_CRON: cron })).toEqual([
        `IMPORT_CRON must be a cron expression of five fields, e.g. "0 */6 * * *" (got "${cron}")`,
      ]);
    },
  );

  it('never shows encryption keys or the password of the endpoint', () => {
    const problems = problemsOf({
      TRACKER_KEY_ENCRYPTION_KEY: 'hunter2',
      TRACKER_KEY_ENCRYPTION_OLD_KEYS: `${Buffer.alloc(32, 1).toString('base64')},hunter2`,
      FIND_MY_ENDPOINT_URL: 'http://me:hunter2@endpoint/',
      FIND_MY_PASSWORD: 'hunter2',
    });
    expect(problems).toEqual([
      'FIND_MY_ENDPOINT_URL must be an http or https address without user and password',
      'TRACKER_KEY_ENCRYPTION_KEY must be base64 of 32 bytes (openssl rand -base64 32)',
      'TRACKER_KEY_ENCRYPTION_OLD_KEYS must be base64 of 32 bytes each, separated by commas',
      'FIND_MY_PASSWORD is set without FIND_MY_USER',
    ]);
  });

  it('rejects an encryption key that is set both directly and by file', () => {
    const key = Buffer.alloc(32, 1).toString('base64');
    expect(
      problemsOf({ TRACKER_KEY_ENCRYPTION_KEY: key, TRACKER_KEY_ENCRYPTION_KEY_FILE: '/run/key' }),
    ).toEqual([
      'TRACKER_KEY_ENCRYPTION_KEY and TRACKER_KEY_ENCRYPTION_KEY_FILE are both set: set one of them',
    ]);
  });

  it('lists conflicts together with invalid values', () => {
    const problems = problemsOf({ PORT: 'http', HOURLY_RETENTION_HOURS: '72' });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(['PORT', 'HOURLY_RETENTION_HOURS']);
  });
});
