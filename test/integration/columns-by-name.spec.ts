import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { packagePath } from '../../src/database/sql-files.js';

const FOLDERS = ['sql/definitions', 'sql/queries', 'sql/migrations', 'src', 'migrations'];

/** The frozen statements of 0.1.0, and the step that quotes one of them to replace it. */
const OF_VERSION_0_1_0 = /^sql\/migrations\/(0001\/|0002\/common\/let_reports_grow\.sql$)/;

function statementFiles(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(packagePath(folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((name) => /\.(sql|ts)$/.test(name) && !name.endsWith('.spec.ts')),
  ).filter((name) => !OF_VERSION_0_1_0.test(name));
}

/**
 * Statements whose meaning depends on the order of a table's columns. That order differs between a new database and one
 * that was upgraded, and between partitions and chunks.
 */
function positional(text: string): string[] {
  const sql = text.replace(/--.*$/gm, '');
  return [
    ...insertsOf(sql)
      .filter(({ columns, rows }) => columns === undefined || hasStar(rows))
      .map(({ statement }) => statement),
    ...[...sql.matchAll(/\bCOPY\s+[\w.]+\s+FROM\b/g)].map(([statement]) => statement),
    ...[...sql.matchAll(/\bROW\s*\(/g)]
      .map(({ index }) => sql.slice(index, endOfParenthesis(sql, sql.indexOf('(', index)) + 30))
      .filter((expression) =>
        /\)\s*::/.test(expression.slice(endOfParenthesis(expression, expression.indexOf('(')) - 1)),
      ),
  ].map((statement) => statement.replace(/\s+/g, ' ').slice(0, 100));
}

interface Insert {
  statement: string;
  /** The list of columns; undefined if there is none. */
  columns: string | undefined;
  /** The text after it. */
  rows: string;
}

function insertsOf(sql: string): Insert[] {
  return [...sql.matchAll(/\bINSERT\s+INTO\s+[^\s(]+(?:\s+AS\s+\w+)?\s*/g)].map(({ 0: head, index }) => {
    const start = index + head.length;
    const end = sql[start] === '(' ? endOfParenthesis(sql, start) : start;
    return {
      statement: sql.slice(index, end + 60),
      columns: end > start ? sql.slice(start, end) : undefined,
      rows: sql.slice(end),
    };
  });
}

/** Whether an INSERT selects all columns of a relation: SELECT *, SELECT x.*, TABLE x. */
function hasStar(rows: string): boolean {
  if (/^\s*TABLE\b/.test(rows)) return true;
  const list = /^\s*SELECT\b(?:\s+DISTINCT\b)?([\s\S]*?)\bFROM\b/.exec(rows)?.[1];
  return list !== undefined && /(^|,)\s*(\w+\.)?\*\s*(,|$)/.test(list);
}

/** Index after the parenthesis that closes the one at `start`. */
function endOfParenthesis(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '(') depth += 1;
    if (text[i] === ')' && --depth === 0) return i + 1;
  }
  return text.length;
}

describe('the check that statements name their columns', () => {
  it.each([
    "INSERT INTO location_reports VALUES ('a')",
    'INSERT INTO refused_reports SELECT w.position FROM wrong AS w',
    'INSERT INTO location_history_rollups AS kept\n  SELECT s.a FROM s',
    'INSERT INTO a (b, c) SELECT * FROM d',
    'INSERT INTO a (b, c) SELECT DISTINCT d.*, 1 FROM d',
    'INSERT INTO a (b) TABLE c',
    'SELECT ROW (i.a, (b))::location_reports',
    'ARRAY[ROW(NEW.*)::location_reports]',
    'COPY location_reports FROM STDIN',
  ])('finds %j', (statement) => {
    expect(positional(`SELECT 1; ${statement}; SELECT 2 FROM b`)).toHaveLength(1);
  });

  it.each([
    'INSERT INTO a AS kept (b) SELECT count(*) FROM c',
    "INSERT INTO %I (%s) SELECT %4$s FROM moved', report_columns());",
    'INSERT INTO a(b) VALUES (1) RETURNING *',
    'INSERT INTO a (b) SELECT f(c) FROM (SELECT * FROM d) AS d',
    '-- INSERT INTO a SELECT * FROM b',
    'SELECT ROW (1, 2) = ROW (3, 4)',
    'COPY location_reports (hashed_adv_key) FROM STDIN',
  ])('accepts %j', (statement) => {
    expect(positional(`SELECT 1; ${statement}; SELECT 2 FROM b`)).toEqual([]);
  });

  it('accepts every file', () => {
    const files = statementFiles();
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((file) =>
      positional(readFileSync(packagePath(file), 'utf8')).map((statement) => `${file}: ${statement}`),
    );
    expect(found).toEqual([]);
  });
});
