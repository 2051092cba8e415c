/**
 * Every code that a caller may see, over GraphQL (`extensions.code`), HTTP or the command line.
 *
 * Codes are stable: codes may be added, but none changes its meaning.
 */
export const ERROR_CODES = [
  'BAD_USER_INPUT',
  'QUERY_TOO_COMPLEX',
  'UNAUTHENTICATED',
  'TOO_LARGE',
  'NOT_FOUND',
  'CONFLICT',
  'UNAVAILABLE',
  'BAD_CONFIGURATION',
  'INTERNAL_SERVER_ERROR',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface DomainErrorOptions {
  cause?: unknown;
  /** Machine-readable details for the caller, e.g. the argument or the line. */
  details?: Readonly<Record<string, unknown>>;
}

/** An expected failure, with a stable code and a message for the caller. */
export class DomainError extends Error {
  override readonly name: string = 'DomainError';
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.details = options.details ?? {};
  }
}
