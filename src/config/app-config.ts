import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { DomainError } from '../common/errors/domain-error.js';
import { findConflicts } from './env.conflicts.js';
import { ENV_VARIABLES, type Environment, ENVIRONMENT_GROUPS } from './env.schema.js';
import { envVariablesOf } from './env-variable.decorator.js';

/** The validated configuration: the values of the environment, and the defaults for variables that are not set. */
export type AppConfig = Readonly<Environment>;

/**
 * Reads and checks the whole environment at once.
 *
 * @param env name → value, as in `process.env`; an empty value counts as not set.
 * @throws DomainError `BAD_CONFIGURATION` that lists every problem, one per line. Values of secrets are not shown.
 */
export function loadConfig(env: NodeJS.ProcessEnv): AppConfig {
  const groups = ENVIRONMENT_GROUPS.map((group) =>
    plainToInstance(group as ClassConstructor<object>, valuesOf(env, envVariablesOf(group)), {
      exposeDefaultValues: true,
    }),
  );
  const config = Object.assign({}, ...groups) as Environment;

  const errors = groups.flatMap((group) => validateSync(group));
  const invalid = new Set(errors.map(({ property }) => property));
  const problems = [...errors.map((error) => describeProblem(error, env)), ...findConflicts(config, invalid)];
  if (problems.length > 0) {
    throw new DomainError('BAD_CONFIGURATION', `The configuration is wrong:\n  ${problems.join('\n  ')}`);
  }
  return Object.freeze(config);
}

function valuesOf(env: NodeJS.ProcessEnv, variables: ReadonlyMap<string, unknown>): Record<string, string> {
  return Object.fromEntries([...variables.keys()].flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

function describeProblem({ property, constraints = {} }: ValidationError, env: NodeJS.ProcessEnv): string {
  const { isInt, isNumber, ...others } = constraints;
  const problem = isInt ?? isNumber ?? Object.values(others).join(', '); // not a number: its range does not matter
  return ENV_VARIABLES.get(property)?.secret ? problem : `${problem} (got "${env[property] ?? ''}")`;
}
