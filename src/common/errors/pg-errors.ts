import { DomainError, type ErrorCode } from './domain-error.js';

/** SQLSTATE of the failures that the code tells apart. Source: PostgreSQL manual, appendix A. */
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
  /** Raised by close_oldest_day(): a writer was faster than the refresh before it. */
  notInPrerequisiteState: '55000',
  queryCanceled: '57014',
  /** Also raised for a time zone that the server does not know. */
  invalidParameterValue: '22023',
  /** Raised by day_to_end_in_hours(): what a reader began with is no longer kept. */
  snapshotTooOld: '72000',
  internalError: 'XX000',
} as const;

/** Failures that say "not now": the same transaction may succeed when it is run again. */
const TRANSIENT: ReadonlySet<string> = new Set([
  SQLSTATE.serializationFailure,
  SQLSTATE.deadlockDetected,
  SQLSTATE.lockNotAvailable,
  SQLSTATE.notInPrerequisiteState,
]);

/**
 * An internal error (XX000) of TimescaleDB: it read of a chunk in its catalog, and another session has dropped the chunk
 * by the time that it looks it up. Source: chunk_create_from_stub() in its chunk.c; insert and refresh go that way.
 */
const CHUNK_JUST_DROPPED = /^no chunk found with ID \d+$/;

/** What a server that is there says when it lacks something (class 53). */
const SHORTAGES: Readonly<Record<string, string>> = {
  [SQLSTATE.tooManyConnections]:
    'The database server has no free connection (max_connections, or the limit of the role or the database)',
  '53100': 'The database server has no disk space left',
  '53200': 'The database server is out of memory',
};

/** Failures of the connection or of a server that starts or stops; `ECONN...` are Node's own. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  '08000', '08001', '08003', '08004', '08006', '57P01', '57P02', '57P03',
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH',
]); // prettier-ignore

/**
 * What pgbouncer says of itself, all as a violation of the protocol (08P01). Source: its client.c, server.c and
 * janitor.c, 1.18 to 1.24.
 */
const POOLER_AWAY =
  /^(server conn crashed\?|server closed the connection|server login (has been failing|failed)|query_wait_timeout|no more connections allowed|pgbouncer (is )?shutting down|database ".*" is disabled|client_idle_timeout|server_lifetime|invalid server parameter)/i;
const PROTOCOL_VIOLATION = '08P01';

/** What a standby says of a relation or a mode that it has not; the code alone stands for much else. */
const NOT_ON_A_STANDBY = /\brecovery\b|hot standby/;

/** Of TypeORM, about the statement after the one that failed: it has let go of the session then. */
const RELEASED = /^Query runner already released\b/;
/** Of pg, and that. */
const CONNECTION_LOST = new RegExp(`Connection terminated|and is not queryable$|${RELEASED.source}`);

/** Of pg-pool, where nobody gave a connection back in time. Of one that cannot be made it says that it was terminated. */
const POOL_EXHAUSTED = /^timeout exceeded when trying to connect$/;

/** The SQLSTATE or Node error code of a failure of the database driver; undefined for anything else. */
export function databaseErrorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** What the server adds to the message of a failure, in one line; undefined where it adds nothing. */
export function databaseErrorDetail(error: unknown): string | undefined {
  const detail = (error as { detail?: unknown } | null | undefined)?.detail;
  return typeof detail === 'string' ? detail.replaceAll('\n', '; ') : undefined;
}

/** Name of the constraint that a failure names, without the prefix that TimescaleDB gives those of a chunk. */
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

/**
 * Says a driver's failure in the product's words, where it is one that a caller can act on; gives back anything else
 * as it is.
 */
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
  const poolerIsAway = code === PROTOCOL_VIOLATION && POOLER_AWAY.test(messageOf(error));
  if (UNAVAILABLE.has(code) || poolerIsAway || CONNECTION_LOST.test(messageOf(error))) {
    return as('UNAVAILABLE', 'The database cannot be reached at the moment');
  }
  if (
    code === SQLSTATE.readOnlyTransaction ||
    (code === SQLSTATE.featureNotSupported && NOT_ON_A_STANDBY.test(messageOf(error)))
  ) {
    return as(
      'UNAVAILABLE',
      'The database takes no writes: the server is a standby, or the role is read-only',
    );
  }
  if (code === SQLSTATE.lockNotAvailable) {
    return as('CONFLICT', 'Another run is at work on the same data; try again in a moment');
  }
  return error;
}

/** Classes of SQLSTATE that are about the server, the role or the operator, and never about a statement of ours. */
const NOT_OURS = /^(08|25006|28|3D|42501|53|57|58)/;

/**
 * A failure of the server, or its refusal, in one line with its own words; null for what is a fault of ours, or is not
 * about the database at all.
 */
export function describeRefusal(error: unknown): string | null {
  const code = databaseErrorCode(error) ?? '';
  const known = toDomainError(error);
  if (known instanceof DomainError && known !== error) {
    return `${known.message}${reasonInBrackets(error)}`;
  }
  return NOT_OURS.test(code) && /^[\dA-Z]{5}$/.test(code)
    ? `The database refused (${reasonOf(error)}, SQLSTATE ${code})`
    : null;
}

/** The server's or the driver's words, in brackets; empty where they do not say why. */
export function reasonInBrackets(error: unknown): string {
  return RELEASED.test(messageOf(error)) ? '' : ` (${reasonOf(error)})`;
}

function reasonOf(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, ' ');
}
