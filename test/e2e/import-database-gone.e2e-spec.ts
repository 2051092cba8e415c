import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnEveryEngine } from '../support/engines.js';
import { RunningProduct } from '../support/processes.js';
import { SwitchableProxy } from '../support/servers/switchable-proxy.js';
import { TestDatabase } from '../support/test-database.js';
import { eventually } from '../support/waiting.js';

describeOnEveryEngine('tracker import of two files when the database becomes unreachable', (engine) => {
  let db: TestDatabase;
  let proxy: SwitchableProxy;
  let folder = '';

  beforeAll(async () => {
    db = await TestDatabase.create(engine);
    await db.register('bee');
    proxy = await SwitchableProxy.start(db.url);
    folder = mkdtempSync(join(tmpdir(), 'import-gone-'));
  });
  afterAll(async () => {
    await proxy.close();
    await db.drop();
    rmSync(folder, { recursive: true });
  });

  it('reports an unreachable database for both, not an unreadable second file', async () => {
    const file = join(folder, 'second.ndjson');
    const report = '{"timestamp":"2026-11-30T08:00:00Z","latitude":1,"longitude":2}\n';
    writeFileSync(file, report);
    const command = RunningProduct.cli(['import', '--json', '--tracker', 'bee', '-', file], {
      DATABASE_URL: proxy.url,
    });
    command.child.stdin?.write(report.repeat(2000)); // enough to detect the format; the rest is not sent yet
    await eventually(async () => {
      const running = await db.value("SELECT count(*) FROM import_runs WHERE outcome = 'running'");
      expect(running).toBe(1);
    }, 20_000);
    await proxy.close();
    command.child.stdin?.end();
    const [code] = (await once(command.child, 'close')) as [number];
    const [first, second] = command.output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { file: string; error?: { code: string; message: string } });
    expect(code).toBe(1);
    expect([first?.file, second?.file]).toEqual(['-', file]);
    const unreachable = 'The database cannot be reached at the moment';
    expect([first?.error, second?.error]).toMatchObject([
      { code: 'UNAVAILABLE', message: unreachable },
      {
        code: 'UNAVAILABLE',
        message: expect.stringMatching(new RegExp(`^${unreachable} \\(connect ECONNREFUSED [\\d.:]+\\)$`)),
      },
    ]);
    expect(command.output).toMatch(/^UNAVAILABLE: .* at the moment \(connect ECONNREFUSED [\d.:]+\)$/m);
  });
});
