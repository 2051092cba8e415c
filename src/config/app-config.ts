import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { DomainError } from '../common/errors/domain-error.js';
import { envVariablesOf } from './env-variable.decorator.js';
import { Environment } from './env.schema.js';

/** The validated configuration: what the environment said, and the defaults for the rest. */
export type AppConfig = Readonly<Environment>;

/**
 * Reads and checks the whole environment at once.
 *
 * @param env name → value, as in `process.env`; an empty value counts as not set.
 * @throws DomainError `BAD_CONFIGURATION` that names every wrong variable, one a line. Values of secrets are not shown.
 */
export function loadConfig(env: NodeJS.ProcessEnv): AppConfig {
  const documented = envVariablesOf(Environment.prototype);
  const given = Object.fromEntries(
    [...documented.keys()]
      .map((name) => [name, env[name]])
      .filter(([, value]) => value !== undefined && value !== ''),
  ) as Record<string, string>;
  const config = plainToInstance(Environment, given, { exposeDefaultValues: true });

  const wrong = validateSync(config);
  const problems = wrong.map((error) => {
    const { isInt, isNumber, ...others } = error.constraints ?? {};
    const problem = isInt ?? isNumber ?? Object.values(others).join(', '); // what is no number is in no range either
    const shown = documented.get(error.property)?.secret ? '' : ` (got "${given[error.property] ?? ''}")`;
    return `${problem}${shown}`;
  });
  const wrongNames = new Set(wrong.map(({ property }) => property));
  problems.push(...conflicts(config, wrongNames), ...missing(config, wrongNames));
  if (problems.length > 0) {
    throw new DomainError('BAD_CONFIGURATION', `The configuration is wrong:\n  ${problems.join('\n  ')}`);
  }
  return Object.freeze(config);
}

/** Combinations of values that are right in themselves, each with the reason why it is refused. */
function conflicts(config: Environment, wrong: ReadonlySet<string>): string[] {
  return [...losses(config, wrong), ...addresses(config, wrong), ...contradictions(config)];
}

/** What is set twice, or only by half. */
function contradictions(config: Environment): string[] {
  const problems: string[] = [];
  if (
    config.TRACKER_KEY_ENCRYPTION_KEY !== undefined &&
    config.TRACKER_KEY_ENCRYPTION_KEY_FILE !== undefined
  ) {
    problems.push(
      'TRACKER_KEY_ENCRYPTION_KEY and TRACKER_KEY_ENCRYPTION_KEY_FILE are both set: set one of them',
    );
  }
  if (config.FIND_MY_USER === undefined && config.FIND_MY_PASSWORD !== undefined) {
    problems.push('FIND_MY_PASSWORD is set without FIND_MY_USER');
  }
  return problems;
}

/** Addresses of the database that do not go together. */
function addresses(config: Environment, wrong: ReadonlySet<string>): string[] {
  const { DATABASE_URL: url, DATABASE_DIRECT_URL: direct, DATABASE_LISTEN_URL: listen } = config;
  if (['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_LISTEN_URL'].some((name) => wrong.has(name)))
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

/** What would lose history. */
function losses(config: Environment, wrong: ReadonlySet<string>): string[] {
  const raw = config.RAW_RETENTION_DAYS;
  if (wrong.has('RAW_RETENTION_DAYS')) return [];
  const problems: string[] = [];
  const complain = (name: keyof Environment, isWrong: boolean, why: string): void => {
    if (isWrong && !wrong.has(name)) problems.push(`${name} (${String(config[name])}) ${why}`);
  };

  const hourlyDays = Math.ceil(config.HOURLY_RETENTION_HOURS / 24);
  complain(
    'HOURLY_RETENTION_HOURS',
    hourlyDays > raw,
    `is ${hourlyDays} days, longer than RAW_RETENTION_DAYS (${raw}): hours whose raw reports are gone could not be repaired`,
  );
  complain(
    'DAILY_RETENTION_DAYS',
    config.DAILY_RETENTION_DAYS <= raw,
    `must be longer than RAW_RETENTION_DAYS (${raw}): a day would lose its history while its reports are still kept`,
  );
  // A day more than raw reports are kept: the oldest day is closed only once all of it is that old.
  const reach = (raw + 1) * 24;
  for (const name of ['HOURLY_REFRESH_WINDOW_HOURS', 'DAILY_REFRESH_WINDOW_HOURS'] as const) {
    complain(
      name,
      config[name] > reach,
      `reaches back further than raw reports are kept (${reach} hours with RAW_RETENTION_DAYS ${raw}): ` +
        'a refresh would compute that history from nothing',
    );
  }
  return problems;
}

/** What is needed only where something else is set. */
function missing(config: Environment, wrong: ReadonlySet<string>): string[] {
  if (config.GEOCODING_PROVIDER !== 'nominatim') return [];
  return (['NOMINATIM_URL', 'NOMINATIM_USER_AGENT'] as const)
    .filter((name) => config[name] === undefined && !wrong.has(name))
    .map((name) => `${name} is not set, which GEOCODING_PROVIDER=nominatim needs`);
}
