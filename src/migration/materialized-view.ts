import type { Foundation } from '../database/server-capabilities.js';
import type { Session } from '../database/session.js';
import { applyDefinitions, definitionFiles } from '../database/schema/definitions.js';
import { inBriefTransaction } from '../database/schema/brief-transaction.js';
import { whileJobsPaused } from '../database/schema/job-locks.js';
import { definedRelations } from '../database/schema/relation-locks.js';
import {
  dropSuperseded,
  refuseForeignDependents,
  replaceRelation,
} from '../database/schema/replace-relation.js';

/** Whether location_history has the columns of location_history_view. */
export async function isViewOutdated(session: Session): Promise<boolean> {
  const [{ outdated }] = (await session.query(`
    WITH columns AS (
      SELECT array_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum) AS list FROM pg_attribute
      WHERE attrelid IN ('location_history'::regclass, 'location_history_view'::regclass) AND attnum > 0 AND NOT attisdropped
      GROUP BY attrelid
    )
    SELECT count(DISTINCT list) > 1 AS outdated FROM columns`)) as [{ outdated: boolean }];
  return outdated;
}

/**
 * Rebuilds location_history if its columns differ from those of location_history_view. The new relation is filled while
 * readers use the old one, and then replaces it. If interrupted, the next call starts again.
 *
 * @returns whether it was rebuilt.
 */
export async function rebuildMaterializedView(
  session: Session,
  foundation: Foundation,
  progress: (line: string) => void,
): Promise<boolean> {
  if (!(await isViewOutdated(session))) return false;
  await refuseForeignDependents(session, foundation, ['location_history']);
  // The old one is not refreshed meanwhile: otherwise readers would see rows there that the new one does not have yet.
  await whileJobsPaused(session, progress, () => rebuild(session, foundation, progress), ['view_refresh']);
  return true;
}

async function rebuild(
  session: Session,
  foundation: Foundation,
  progress: (line: string) => void,
): Promise<void> {
  progress('filling the new location_history beside the old one');
  await session.query('DROP MATERIALIZED VIEW IF EXISTS location_history_next');
  // Read before filling: later changes are not in it.
  const [{ changes }] = (await session.query('SELECT changes FROM refresh_state')) as [{ changes: string }];
  await session.query(
    'CREATE MATERIALIZED VIEW location_history_next AS SELECT * FROM location_history_view',
  );
  progress('indexing the new location_history');
  for (const definition of await indexDefinitions(session)) await session.query(definition);
  await session.query('ANALYZE location_history_next');
  await inBriefTransaction(
    session,
    async () => {
      await replaceRelation(session, 'location_history');
      await applyDefinitions(session, foundation); // the views and functions that depend on the old one
      await dropSuperseded(session);
      await session.query(
        `UPDATE refresh_state SET refreshed = $1, view_refreshed_at = now(),
           behind_since = CASE WHEN changes > $1 THEN coalesce(behind_since, now()) END`,
        [changes],
      );
    },
    { relations: ['location_history', ...definedRelations(definitionFiles(foundation))], progress },
  );
}

/** Statements that create the indexes of location_history on its successor, including indexes that others added. */
async function indexDefinitions(session: Session): Promise<string[]> {
  const rows = (await session.query(
    `SELECT quote_ident(left(i.relname, 58) || '_next') AS name, pg_get_indexdef(x.indexrelid) AS definition
     FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = 'location_history'::regclass
     ORDER BY i.relname`,
  )) as { name: string; definition: string }[];
  return rows.map(({ name, definition }) =>
    definition.replace(/INDEX .*? ON .*? USING /, () => `INDEX ${name} ON location_history_next USING `),
  );
}
