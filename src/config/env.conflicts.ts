import type { Environment } from './env.schema.js';

type InvalidNames = ReadonlySet<string>;

/**
 * Finds values that are valid by themselves but conflict with each other.
 *
 * @param invalid names of variables with invalid values; checks that need them are skipped.
 * @returns the problems, each a sentence that names the variables and the reason.
 */
export function findConflicts(config: Environment, invalid: InvalidNames): string[] {
  return [
    ...retentionProblems(config, invalid),
    ...addressProblems(config, invalid),
    ...trackerKeyProblems(config),
    ...findMyProblems(config),
    ...geocodingProblems(config, invalid),
  ];
}

/** Finds settings that would lose history. */
function retentionProblems(config: Environment, invalid: InvalidNames): string[] {
  const rawDays = config.RAW_RETENTION_DAYS;
  if (invalid.has('RAW_RETENTION_DAYS')) return [];
  const problems: string[] = [];
  const addProblemIf = (isWrong: boolean, name: keyof Environment, reason: string): void => {
    if (isWrong && !invalid.has(name)) problems.push(`${name} (${String(config[name])}) ${reason}`);
  };

  const hourlyDays = Math.ceil(config.HOURLY_RETENTION_HOURS / 24);
  addProblemIf(
    hourlyDays > rawDays,
    'HOURLY_RETENTION_HOURS',
    `is ${hourlyDays} days, longer than RAW_RETENTION_DAYS (${rawDays}): hours without raw reports could not be repaired`,
  );
  addProblemIf(
    config.DAILY_RETENTION_DAYS <= rawDays,
    'DAILY_RETENTION_DAYS',
    `must be longer than RAW_RETENTION_DAYS (${rawDays}): a day would lose its history while its reports are still kept`,
  );
  // One day more than raw reports are kept: a day is closed only when its end is that old.
  const longestWindow = (rawDays + 1) * 24;
  for (const name of ['HOURLY_REFRESH_WINDOW_HOURS', 'DAILY_REFRESH_WINDOW_HOURS'] as const) {
    addProblemIf(
      config[name] > longestWindow,
      name,
      `reaches back further than raw reports are kept (${longestWindow} hours with RAW_RETENTION_DAYS ${rawDays}): ` +
        'a refresh would replace that history with nothing',
    );
  }
  return problems;
}

function addressProblems(config: Environment, invalid: InvalidNames): string[] {
  const { DATABASE_URL: url, DATABASE_DIRECT_URL: direct, DATABASE_LISTEN_URL: listen } = config;
  if (['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_LISTEN_URL'].some((name) => invalid.has(name)))
    return [];
  const problems: string[] = [];
  if (direct !== undefined && listen !== undefined && direct !== listen) {
    problems.push(
      'DATABASE_DIRECT_URL and DATABASE_LISTEN_URL are set to different addresses: remove DATABASE_LISTEN_URL, its older name',
    );
  }
  if (url === undefined && (direct ?? listen) !== undefined) {
    const name = direct === undefined ? 'DATABASE_LISTEN_URL' : 'DATABASE_DIRECT_URL';
    problems.push(`${name} is set without DATABASE_URL: set both, or neither for the private server`);
  }
  return problems;
}

function trackerKeyProblems({
  TRACKER_KEY_ENCRYPTION_KEY: key,
  TRACKER_KEY_ENCRYPTION_KEY_FILE: file,
}: Environment): string[] {
  if (key === undefined || file === undefined) return [];
  return ['TRACKER_KEY_ENCRYPTION_KEY and TRACKER_KEY_ENCRYPTION_KEY_FILE are both set: set one of them'];
}

function findMyProblems({ FIND_MY_USER: user, FIND_MY_PASSWORD: password }: Environment): string[] {
  return user === undefined && password !== undefined ? ['FIND_MY_PASSWORD is set without FIND_MY_USER'] : [];
}

function geocodingProblems(config: Environment, invalid: InvalidNames): string[] {
  if (config.GEOCODING_PROVIDER !== 'nominatim') return [];
  return (['NOMINATIM_URL', 'NOMINATIM_USER_AGENT'] as const)
    .filter((name) => config[name] === undefined && !invalid.has(name))
    .map((name) => `${name} is not set; GEOCODING_PROVIDER=nominatim needs it`);
}
