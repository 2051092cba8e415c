import { expect } from '@jest/globals';
import type pg from 'pg';
import { withClient } from './client.js';
import { RECORDS, SCHEMA_QUERIES, TIMESCALE_QUERIES } from './schema-queries.js';

/** A line for each object of a database, sorted; two databases are the same where these are. */
export type SchemaDump = readonly string[];

/**
 * Describes the whole schema of a database, of other products too. Ids and names that follow from data are replaced by
 * what they stand for: a partition of a day is `<day>`, wherever it lies, a chunk is `<chunk of …>`. So there is one
 * line for all parts that are alike.
 */
export function dumpSchema(url: string): Promise<SchemaDump> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ owner: string; timescaledb: boolean }>(
      `SELECT current_user AS owner, EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb`,
    );
    const [{ owner, timescaledb }] = rows as [{ owner: string; timescaledb: boolean }];
    const recorded = await recordedTables(client);
    await client.query(
      `SET search_path = ''; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'`,
    );
    const hypertables = timescaledb ? await nameHypertables(client) : new Map<string, string>();
    const ownerName = new RegExp(`\\b${owner}\\b`, 'g');
    const lines = new Set<string>();
    for (const query of [...SCHEMA_QUERIES, ...(timescaledb ? TIMESCALE_QUERIES : []), ...recorded]) {
      const found = await client.query<[string, unknown]>({ text: query, rowMode: 'array' });
      for (const [object, is] of found.rows) {
        const line = `${object}: ${JSON.stringify(is)}`.replace(ownerName, 'OWNER');
        lines.add(normalizeTimes(normalizeNames(line, hypertables)));
      }
    }
    return [...lines].sort();
  });
}

/** Checks that two databases have the same schema; what differs is told line by line. */
export function expectSameSchema(actual: SchemaDump, expected: SchemaDump): void {
  expect({
    missing: expected.filter((line) => !actual.includes(line)),
    surplus: actual.filter((line) => !expected.includes(line)),
  }).toEqual({ missing: [], surplus: [] });
}

async function recordedTables(client: pg.Client): Promise<string[]> {
  const queries: string[] = [];
  for (const [table, query] of Object.entries(RECORDS)) {
    const { rows } = await client.query<{ present: boolean }>(
      'SELECT to_regclass($1) IS NOT NULL AS present',
      [table],
    );
    if (rows[0]?.present) queries.push(`SELECT 'row of ${table}', to_jsonb(t) FROM (${query}) AS t`);
  }
  return queries;
}

/** What the internal hypertables, by their ids, are for. */
async function nameHypertables(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; name: string }>(
    `WITH named AS (
       SELECT h.id, h.compressed_hypertable_id, coalesce('materialized ' || a.user_view_name, h.table_name) AS name
       FROM _timescaledb_catalog.hypertable AS h
       LEFT JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = h.id
       WHERE h.compression_state <> 2
     )
     SELECT id::text, name FROM named
     UNION ALL SELECT compressed_hypertable_id::text, 'compressed ' || name FROM named WHERE compressed_hypertable_id IS NOT NULL`,
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** One whose hypertable is unknown keeps its name, and so is a difference. */
function normalizeNames(line: string, hypertables: ReadonlyMap<string, string>): string {
  const named = (prefix: string) => (whole: string, id: string) => {
    const name = hypertables.get(id);
    return name === undefined ? whole : `<${prefix}${name}>`;
  };
  return line
    .replace(/_(?:materialized|compressed)_hypertable_(\d+)/g, named(''))
    .replace(/(?:_hyper|compress_hyper)_(\d+)_\d+_chunk/g, named('chunk of '))
    .replace(/_partial_view_(\d+)/g, named('partial view of '))
    .replace(/_direct_view_(\d+)/g, named('direct view of '))
    .replace(/(<chunk of [^>]+>)_(?:<[^>]*>|[^:\s"<])+/g, '$1_<index>') // cut off somewhere, as long ids or short ones are in it
    .replace(/(?<=[."])(?:\d+_)+(?=[a-z])/g, '<chunk>_') // constraints of chunks
    .replace(/(?<=\.)constraint_\d+/g, 'constraint_<n>');
}

/** The bounds of a part, and the day that a partition is named after, as distances from the first of them. */
function normalizeTimes(line: string): string {
  if (!/<chunk|location_reports_\d{8}/.test(line)) return line;
  let first: number | undefined;
  return line.replace(
    /location_reports_(\d{4})(\d\d)(\d\d)|(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)\+00/g,
    (_whole, y1?: string, m1?: string, d1?: string, y2?: string, m2?: string, d2?: string, time?: string) => {
      const moment = Date.parse(
        y1 === undefined
          ? `${y2 ?? ''}-${m2 ?? ''}-${d2 ?? ''}T${time ?? ''}Z`
          : `${y1}-${m1 ?? ''}-${d1 ?? ''}T00:00:00Z`,
      );
      first ??= moment;
      const hours = (moment - first) / 3_600_000;
      return y1 === undefined
        ? `<day + ${hours} h>`
        : `location_reports_<day${hours === 0 ? '' : ` + ${hours} h`}>`;
    },
  );
}
