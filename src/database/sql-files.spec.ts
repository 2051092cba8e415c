import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { packagePath, queryVariant, queryVariants, sqlFile, variantsOf } from './sql-files.js';

/** Names of the files below a folder of sql/, without their endings. */
function filesBelow(folder: string): string[] {
  return readdirSync(packagePath('sql', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sql'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/').replace(/\.sql$/, '')}`)
    .sort();
}

/** The comment at the top of a file. */
function headerOf(name: string): string {
  const text = Object.values(queryVariants(name))[0] ?? sqlFile(name);
  return /^(?:--.*\n)*/.exec(text)?.[0] ?? '';
}

describe('variants of a query', () => {
  const QUERY = `-- Rows.
-- Variant HOURLY: {{history}} is hours
-- Variant DAILY: {{history}} is days
SELECT * FROM {{history}} WHERE id IN (SELECT id FROM {{history}})`;

  it('replace every occurrence of the marker', () => {
    expect(variantsOf(QUERY)).toEqual({
      HOURLY: '-- Rows.\nSELECT * FROM hours WHERE id IN (SELECT id FROM hours)',
      DAILY: '-- Rows.\nSELECT * FROM days WHERE id IN (SELECT id FROM days)',
    });
  });

  it('may insert another query', () => {
    const { MATCHING } = variantsOf(
      '-- Variant MATCHING: {{trackers}} is queries/trackers/find-matching\nSELECT FROM {{trackers}} AS m',
    );
    expect(MATCHING).toBe(`SELECT FROM (${sqlFile('queries/trackers/find-matching')}) AS m`);
  });

  it('reject a declared marker that does not occur', () => {
    expect(() => variantsOf(QUERY.replaceAll('FROM {{history}}', 'FROM hours'))).toThrow(
      'the marker {{history}} does not occur',
    );
  });

  it.each([
    ['beside a declared one', `${QUERY} LIMIT {{limit}}`, '{{limit}}'],
    ['in a query without variants', 'SELECT * FROM {{history}}', '{{history}}'],
  ])('reject an undeclared marker %s', (_, query, marker) => {
    expect(() => variantsOf(query)).toThrow(`the marker ${marker} is not declared`);
  });

  it('are loaded by their names', () => {
    const name = 'queries/location-history/find-range';
    expect(queryVariant(name, 'DAILY')).toContain('FROM history_in_days');
    expect(() => queryVariant(name, 'WEEKLY')).toThrow(`sql/${name}.sql: no variant WEEKLY is declared`);
    expect(() => sqlFile(name)).toThrow(`sql/${name}.sql has variants`);
  });
});

describe.each([...filesBelow('definitions'), ...filesBelow('queries')])('sql/%s.sql', (name) => {
  it('begins with its purpose and its locks', () => {
    expect(headerOf(name)).toMatch(/^-- [A-Z]/);
    expect(headerOf(name)).toMatch(/^-- Locks: /m);
  });
});

describe.each(filesBelow('queries'))('sql/%s.sql', (name) => {
  it('documents its result', () => {
    expect(headerOf(name)).toMatch(/^-- Result: /m);
  });
});
