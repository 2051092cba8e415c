import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { packagePath, sqlFile } from '../database/sql-files.js';
import { checkReason, LEDGER_REASONS } from './rejection-reasons.js';

describe('rejection reasons', () => {
  const sorted = (reasons: Iterable<string>): string[] => [...new Set(reasons)].sort();

  it('match the table in docs/importing.md', () => {
    const [, rows = ''] =
      /^\| rejected .*\n((?:\|.*\n)*)/m.exec(readFileSync(packagePath('docs/importing.md'), 'utf8')) ?? [];
    const documented = rows.split('\n').flatMap((row) => row.split('|')[1]?.match(/[a-z_]+/g) ?? []);
    expect(sorted(documented)).toEqual(sorted(LEDGER_REASONS));
  });

  it('include every reason in the SQL code', () => {
    const sql = sqlFile('definitions/common/ingest_reports');
    const inSql = [...sql.matchAll(/(?:THEN|[a-z]\.motion,)\s+'([a-z_]+)'/g)].map(
      ([, reason]) => reason as string,
    );
    expect(inSql).toEqual(expect.arrayContaining(['out_of_range', 'deleted', 'same_instant']));
    expect(inSql.length).toBeGreaterThan(5);
    expect(LEDGER_REASONS).toEqual(expect.arrayContaining(inSql));
  });

  it('are the only values that checkReason accepts', () => {
    for (const reason of LEDGER_REASONS) expect(() => checkReason(reason)).not.toThrow();
    for (const word of ['', 'nonsense', 'toString', 'Future']) {
      expect(() => checkReason(word)).toThrow(
        expect.objectContaining({ code: 'BAD_USER_INPUT', message: expect.stringContaining('same_instant') }),
      );
    }
  });
});
