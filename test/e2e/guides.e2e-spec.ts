import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Document } from '../documents/document.js';
import { Shell, shiftDates } from '../documents/shell.js';
import { Api } from '../support/application.js';
import { describeOnEveryEngine } from '../support/engines.js';
import { newDataFolder, postgresProcesses, RunningProduct } from '../support/processes.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

describe('the guides on a machine with only Node.js', () => {
  const start = new Document('docs/getting-started.md');
  const importing = new Document('docs/importing.md');
  const phones = new Document('docs/phones.md');
  const TOKEN = 'a-token-of-24-characters';
  let folder = '';
  let server: RunningProduct;
  let shell: Shell;

  beforeAll(async () => {
    folder = newDataFolder();
    server = RunningProduct.server({ EMBEDDED_DATA_DIR: folder, PORT: '0' });
    shell = new Shell('', { EMBEDDED_DATA_DIR: folder, IMPORT_TOKEN: TOKEN }, await server.address());
  });
  afterAll(async () => {
    shell.remove();
    await server.destroy();
    await eventually(() => expect(postgresProcesses(folder)).toEqual([]), 20_000);
    rmSync(folder, { recursive: true });
  });

  /** Runs the commands below a heading. @returns their standard output. */
  async function run(guide: Document, heading: string): Promise<string> {
    let output = '';
    for (const block of guide.blocksBelow(heading)) output += (await shell.run(shiftDates(block))).stdout;
    return output;
  }

  it('getting-started.md: the commands print the documented output', async () => {
    expect(await run(start, '3. Register a tracker')).toContain('My bag');
    const [csv = '', ledger = ''] = start.blocksBelow('4. Import positions', '');
    shell.write('my-bag.csv', shiftDates(csv));
    expect(await run(start, '4. Import positions')).toContain(ledger.trim());
    const [documented = ''] = start.blocksBelow('5. Ask where it is', 'json');
    await eventually(async () => {
      const answer = JSON.parse(await run(start, '5. Ask where it is')) as unknown;
      expect(answer).toEqual(JSON.parse(shiftDates(documented)));
    });
    expect(await run(start, '6. Export the history')).toMatch(/59\.3326,18\.0649/);
  });

  it('README.md: the commands register, import, query and export a tracker', async () => {
    const output = await run(new Document('README.md'), 'A tracker of your own');
    expect(output).toContain('1 read = 1 stored');
    expect(output).toContain('"latitude":59.3293,"longitude":18.0686');
    expect(output).toMatch(/^\uFEFF?tracker,.*\r\n.*,59\.3293,18\.0686,/m);
  });

  it('importing.md: the commands for names, rejected reports and HTTP work', async () => {
    shell.write('phones.ndjson', line({ tracker: 'jane/phone' }));
    await shell.run(`tracker trackers add "Jane's phone"`);
    const output = await run(importing, 'Whose report it is');
    expect(output).toContain('1 read = 1 stored');
    shell.write('late.ndjson', line({ tracker: 'Parcel 01', timestamp: ago(2) }));
    await shell.run('tracker import late.ndjson && tracker trackers add "Parcel 01"');
    expect(await run(importing, 'Rejected reports')).toContain('1 read = 1 stored');
    shell.write('reports.ndjson', line({ timestamp: ago(3) }));
    expect(JSON.parse(await run(importing, 'Over HTTP'))).toMatchObject({ read: 1, stored: 1 });
  });

  it('phones.md: the report without a phone is accepted', async () => {
    expect(await run(phones, '4. Try it without a phone')).toBe('[]');
  });
});

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
const line = (fields: object): string =>
  `${JSON.stringify({ timestamp: ago(1), latitude: 59.3293, longitude: 18.0686, ...fields })}\n`;

describeOnEveryEngine('the queries of docs/api.md', (engine) => {
  let db: TestDatabase;
  let api: Api;

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    api = await Api.start(db);
  });
  afterAll(async () => {
    await api.stop();
    await db.drop();
  });

  it('are answered without errors, in the order of the guide', async () => {
    const queries = new Document('docs/api.md')
      .blocks('graphql')
      .filter(({ text }) => !text.startsWith('subscription'));
    expect(queries.length).toBeGreaterThan(10);
    for (const { text, line: lineNumber } of queries) {
      const { errors } = await api.ask(shiftDates(text));
      expect({ lineNumber, errors }).toEqual({ lineNumber, errors: undefined });
    }
  });

  it('show the newest precise report as documented', async () => {
    const [query = ''] = new Document('docs/api.md').blocksBelow('Fields of a position', 'graphql');
    const [documented = ''] = new Document('docs/api.md').blocksBelow('Fields of a position', 'json');
    const id = await db.register('phone');
    const report = (time: string, fields: string): Promise<unknown> =>
      api.data(
        shiftDates(
          `mutation { createLocationReport(input: { trackerId: "${id}", timestamp: "2026-11-30T${time}:00Z", ` +
            `latitude: 59.3293, longitude: 18.0686, ${fields} }) { outcome } }`,
        ),
      );
    await report('02:10', 'speed: 5, course: 271, battery: 79');
    await report('02:25', 'horizontalAccuracy: 3000');
    await db.settle();
    expect(await api.data(query.replace('"1"', `"${id}"`))).toEqual(
      (JSON.parse(shiftDates(documented)) as { data: unknown }).data,
    );
  });
});
