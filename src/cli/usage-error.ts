import { DomainError } from '../common/errors/domain-error.js';

/** A usage error: the command exits with 2, as for an unknown option. */
export class UsageError extends DomainError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super('BAD_USER_INPUT', message);
  }
}
