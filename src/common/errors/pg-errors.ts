import { DomainError, type ErrorCode } from './domain-error.js';

/** SQLSTATEs that the code distinguishes. Source: PostgreSQL manual, appendix A. */
export const SQLSTATE = {
  featureNotSupported: '0A000',
  readOnlyTransaction: '25006',
  foreignKeyViolation: '23503',
  uniqueViolation: '23505',
  checkViolation: '23514',
  serializationFailure: '40001',
  dependentObjects: '2BP01',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  undefinedFunction: '42883',
  tooManyConnections: '53300',
  lockNotAvailable: '55P03',
  /** Raised by close_oldest_day() when a report was written after the last refresh. */
  notInPrerequisiteState: '55000',
  queryCanceled: '57014',
  /** Also raised for an unknown time zone. */
  invalidParameterValue: '22023',
  /** Raised by day_to_end_in_hours() when hours that a reader started with were removed. */
  snapshotTooOld: '72000',
  internalError: 'XX000',
} as const;

/** Transient failures: the same transaction may succeed when it is retried. */
const TRANSIENT: ReadonlySet<string> = new Set([
  SQLSTATE.serializationFailure,
  SQLSTATE.deadlockDetected,
  SQLSTATE.lockNotAvailable,
  SQLSTATE.notInPrerequisiteState,
]);

/**
 * An internal error (XX000) of TimescaleDB: another session dropped a chunk between two look-ups in the catalog. Inserts and
 * refreshes can fail with it. Source: chunk_create_from_stub() in chunk.c.
 */
const CHUNK_JUST_DROPPED = /^no chunk found with ID \d+$/;

/** Messages for resources that the server lacks (class 53). */
const SHORTAGES: Readonly<Record<string, string>> = {
  [SQLSTATE.tooManyConnections]:
    'The database server has no free connection (max_connections, or the limit of the role or the database)',
  '53100': 'The database server has no disk space left',
  '53200': 'The database server is out of memory',
};

/** Failures of the connection, or of a server that is starting or stopping; those without digits are Node.js codes. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  '08000', '08001', '08003', '08004', '08006', '57P01', '57P02', '57P03',
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH',
]); // prettier-ignore

/**
 * Messages of pgbouncer's own failures; all have the code of a protocol violation (08P01). Source: client.c, server.c
 * and janitor.c of 1.18 to 1.24.
 */
const POOLER_UNAVAILABLE =
  /^(server conn crashed\?|server closed the connection|server login (has been failing|failed)|query_wait_timeout|no more connections allowed|pgbouncer (is )?shutting down|database ".*" is disabled|client_idle_timeout|server_lifetime|invalid server parameter)/i;
const PROTOCOL_VIOLATION = '08P01';

/** Messages of a standby; their code alone is ambiguous. */
const STANDBY_ERROR = /\brecovery\b|hot standby/;

/** TypeORM's message for a statement that follows the failed one, which released the session. */
const RELEASED = /^Query runner already released\b/;
/** Messages of pg for a lost connection, and the one above. */
const CONNECTION_LOST = new RegExp(`Connection terminated|and is not queryable$|${RELEASED.source}`);

/** Message of pg-pool when no connection was returned in time. A failed connection has another message. */
const POOL_EXHAUSTED = /^timeout exceeded when trying to connect$/;

/** The SQLSTATE or Node.js error code of a driver's error; undefined for other errors. */
export function databaseErrorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The server's detail on an error, in one line; undefined if there is none. */
export function databaseErrorDetail(error: unknown): string | undefined {
  const detail = (error as { detail?: unknown } | null | undefined)?.detail;
  return typeof detail === 'string' ? detail.replaceAll('\n', '; ') : undefined;
}

/** The violated constraint, without the prefix that TimescaleDB adds to constraints of chunks. */
export function violatedConstraint(error: unknown): string | undefined {
  const name = (error as { constraint?: unknown } | null | undefined)?.constraint;
  return typeof name === 'string' ? name.replace(/^\d+_/, '') : undefined;
}

export function isTransient(error: unknown): boolean {
  const code = databaseErrorCode(error) ?? '';
  return (
    TRANSIENT.has(code) || (code === SQLSTATE.internalError && CHUNK_JUST_DROPPED.test(messageOf(error)))
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/** Converts a driver's error that a caller can act on into a DomainError; returns any other error unchanged. */
export function toDomainError(error: unknown): unknown {
  const code = databaseErrorCode(error) ?? '';
  const as = (domainCode: ErrorCode, message: string): DomainError =>
    new DomainError(domainCode, message, { cause: error });
  if (POOL_EXHAUSTED.test(messageOf(error))) {
    return as('UNAVAILABLE', 'No connection to the database became free in time; try again in a moment');
  }
  if (/^53...$/.test(code)) {
    const shortage = SHORTAGES[code] ?? `The database server lacks a resource (${messageOf(error)})`;
    return as('UNAVAILABLE', `${shortage}; try again in a moment`);
  }
  const poolerIsUnavailable = code === PROTOCOL_VIOLATION && POOLER_UNAVAILABLE.test(messageOf(error));
  if (UNAVAILABLE.has(code) || poolerIsUnavailable || CONNECTION_LOST.test(messageOf(error))) {
    return as('UNAVAILABLE', 'The database cannot be reached at the moment');
  }
  if (
    code === SQLSTATE.readOnlyTransaction ||
    (code === SQLSTATE.featureNotSupported && STANDBY_ERROR.test(messageOf(error)))
  ) {
    return as(
      'UNAVAILABLE',
      'The database accepts no writes: the server is a standby, or the role is read-only',
    );
  }
  if (code === SQLSTATE.lockNotAvailable) {
    return as('CONFLICT', 'Another run is working on the same data; try again in a moment');
  }
  return error;
}

/** SQLSTATE classes that concern the server, the role or the operator, never a bug in our statements. */
const OPERATIONAL = /^(08|25006|28|3D|42501|53|57|58)/;

/**
 * Describes an operational error of the server in one line, with the server's message; null for our own bugs and for
 * errors that do not come from the database.
 */
export function describeRefusal(error: unknown): string | null {
  const code = databaseErrorCode(error) ?? '';
  const known = toDomainError(error);
  if (known instanceof DomainError && known !== error) {
    return `${known.message}${reasonInBrackets(error)}`;
  }
  return OPERATIONAL.test(code) && /^[\dA-Z]{5}$/.test(code)
    ? `The database reported an error (${reasonOf(error)}, SQLSTATE ${code})`
    : null;
}

/** The message of the server or the driver, in brackets; empty if it does not explain anything. */
export function reasonInBrackets(error: unknown): string {
  return RELEASED.test(messageOf(error)) ? '' : ` (${reasonOf(error)})`;
}

function reasonOf(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, ' ');
}
