import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { packagePath, queryVariants, sqlFile } from '../../src/database/sql-files.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { TestDatabase } from '../support/test-database.js';

const FILES = readdirSync(packagePath('sql/queries'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sql'))
  .map((name) => `queries/${name.replace(/\.sql$/, '')}`)
  .sort();

describeOnEveryEngine('the files below sql/queries', (engine) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await TestDatabase.create(engine);
  });
  afterAll(() => db.drop());

  it('are found', () => {
    expect(FILES.length).toBeGreaterThan(5);
  });

  describe.each(FILES)('%s', (name) => {
    const variants = Object.entries(queryVariants(name));
    const statements: [string, string][] =
      variants.length > 0 ? variants : [['its only form', sqlFile(name)]];

    it.each(statements)(
      'can be prepared (%s): what it names is there, and its parameters have types',
      async (_, statement) => {
        await db.query(`PREPARE the_file AS ${statement}`);
        await db.query('DEALLOCATE the_file');
      },
    );

    it.each(statements)('says at its top what it is for, and what its parameters are (%s)', (_, text) => {
      const [header = '', statement = ''] = text.split(/\n(?!--)(.*)/s);
      expect(header).toMatch(/^-- [A-Z]/);
      const used = new Set(statement.match(/\$\d+/g));
      for (const parameter of used) expect(header).toContain(parameter);
    });
  });
});
