import { DomainError } from '../common/errors/domain-error.js';
import type { SqlRunner } from './server-capabilities.js';

/** Whether the server is a standby. */
export async function isStandby(db: SqlRunner): Promise<boolean> {
  const [{ standby }] = (await db.query('SELECT pg_is_in_recovery() AS standby')) as [{ standby: boolean }];
  return standby;
}

/** Why this connection cannot write; null if it can. */
export async function whyReadOnly(db: SqlRunner): Promise<DomainError | null> {
  const [row] = (await db.query(
    `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS "readOnly",
       quote_ident(session_user) AS role`,
  )) as [{ standby: boolean; readOnly: boolean; role: string }];
  if (row.standby) {
    return new DomainError(
      'UNAVAILABLE',
      'The server is a standby, which accepts no writes. Set the address of the primary (DATABASE_URL, DATABASE_DIRECT_URL), or promote it',
    );
  }
  if (!row.readOnly) return null;
  return new DomainError(
    'BAD_CONFIGURATION',
    `The role ${row.role} is read-only (default_transaction_read_only is on). ` +
      `Run: ALTER ROLE ${row.role} SET default_transaction_read_only = off`,
  );
}

/** @throws DomainError `UNAVAILABLE` for a standby, `BAD_CONFIGURATION` for a role that is read-only. */
export async function requireWritable(db: SqlRunner): Promise<void> {
  const reason = await whyReadOnly(db);
  if (reason) throw reason;
}
