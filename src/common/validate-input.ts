import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { DomainError } from './errors/domain-error.js';

/**
 * Checks the input of a command or a file by the rules of the API.
 *
 * @throws DomainError `BAD_USER_INPUT` that lists every violated rule.
 */
export function validateInput<T extends object>(type: new () => T, fields: T): T {
  const input = plainToInstance(type, fields);
  const problems = validateSync(input).flatMap(({ constraints }) => Object.values(constraints ?? {}));
  if (problems.length > 0) throw new DomainError('BAD_USER_INPUT', problems.join('; '));
  return input;
}
