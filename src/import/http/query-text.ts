import { DomainError } from '../../common/errors/domain-error.js';

/**
 * A parameter of the address: undefined where it is not given or empty.
 *
 * @throws DomainError `BAD_USER_INPUT` when it is given twice.
 */
export function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new DomainError('BAD_USER_INPUT', `${name} may be given once`, { details: { argument: name } });
}
