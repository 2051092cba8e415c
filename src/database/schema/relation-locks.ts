import { databaseErrorCode, SQLSTATE } from '../../common/errors/pg-errors.js';
import type { Session } from '../session.js';
import { definedObjects } from './definitions.js';

/** Views through which clients read the tables: each is locked together with the tables below it. */
const AGGREGATES = ['location_history_hourly', 'location_history_daily'];

/**
 * The relations that these definitions change, in the order in which readers lock them (a view before the relations
 * that it reads), to avoid deadlocks. Without tables that nearly every statement reads, such as history_state: some
 * statements read them first, others last.
 */
export function definedRelations(files: readonly string[]): string[] {
  const views = definedObjects(files)
    .filter(({ kind }) => kind === 'VIEW')
    .map(({ name }) => name);
  return [...views.reverse(), ...AGGREGATES, 'location_reports'];
}

/**
 * Locks relations exclusively, one after the other; missing ones are skipped. Call it first in a transaction.
 *
 * @param timeout for all locks together.
 * @throws 55P03 after the timeout.
 */
export async function lockRelations(
  session: Session,
  relations: readonly string[],
  timeout: string,
): Promise<void> {
  if (relations.length === 0) return;
  try {
    await session.query(`SET LOCAL statement_timeout = '${timeout}'`);
    // LOCK TABLE also locks the tables below a view, and rejects a materialized view; the two ALTERs only lock.
    await session.query(`
      DO $$
      DECLARE
        wanted record;
      BEGIN
        FOR wanted IN
          SELECT c.oid::regclass AS name, c.relkind AS kind, c.relname = ANY ('{${AGGREGATES.join()}}') AS with_tables
          FROM unnest('{${relations.join()}}'::text[]) WITH ORDINALITY AS r (name, ordinal)
          JOIN pg_class AS c ON c.oid = to_regclass(r.name) ORDER BY r.ordinal
        LOOP
          EXECUTE CASE
            WHEN wanted.kind = 'm' THEN
              format('ALTER MATERIALIZED VIEW %s ALTER COLUMN id SET STORAGE EXTENDED', wanted.name)
            WHEN wanted.kind = 'v' AND NOT wanted.with_tables THEN
              format('ALTER VIEW %s RESET (security_barrier)', wanted.name)
            ELSE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', wanted.name)
          END;
        END LOOP;
      END $$`);
    await session.query('SET LOCAL statement_timeout = 0');
  } catch (error) {
    if (databaseErrorCode(error) !== SQLSTATE.queryCanceled) throw error;
    throw Object.assign(new Error('the tables are in use', { cause: error }), {
      code: SQLSTATE.lockNotAvailable,
    });
  }
}
