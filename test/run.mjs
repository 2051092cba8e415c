/**
 * Runs the whole suite, then the scenarios once more with database, client and Node.js in two zones far from UTC, and
 * ends with one line of sums from the runner's own result. Each pass ends with its slowest files.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const given = process.argv.slice(2);
/** Tests of locks, for which the time zone makes no difference and which take long. */
const ZONE_INDEPENDENT = 'scenarios/(concurrent-ingest|ingest-waits|open-transactions|writers-at-a-close)\\.';
const passes = [
  { title: 'all tests', args: given },
  ...(given.length > 0
    ? []
    : ['Pacific/Kiritimati', 'America/New_York'].map((zone) => ({
        title: `scenarios in ${zone}`,
        args: ['--testPathIgnorePatterns', ZONE_INDEPENDENT, '--selectProjects', 'scenarios'],
        env: { TZ: zone, TEST_TIMEZONE: zone },
      }))),
];

/** The slowest files, so that a change that makes one slower is noticed. */
function slowest({ testResults }) {
  return testResults
    .map(({ name, startTime, endTime }) => ({
      name: relative(process.cwd(), name),
      s: (endTime - startTime) / 1000,
    }))
    .sort((a, b) => b.s - a.s)
    .slice(0, 5)
    .map(({ name, s }) => `${name} ${s.toFixed(0)} s`)
    .join(', ');
}

const sums = { passed: 0, failed: 0, skipped: 0 };
let broken = false;
for (const [i, { title, args, env }] of passes.entries()) {
  process.stdout.write(`\n=== ${title}\n`);
  const began = Date.now();
  const file = join(mkdtempSync(join(tmpdir(), 'tracker-jest-')), `${i}.json`);
  const run = spawnSync(process.execPath, [jest, '--json', `--outputFile=${file}`, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  const result = JSON.parse(readFileSync(file, 'utf8'));
  process.stdout.write(`took ${Math.round((Date.now() - began) / 1000)} s; slowest: ${slowest(result)}\n`);
  sums.passed += result.numPassedTests;
  sums.failed += result.numFailedTests;
  sums.skipped += result.numPendingTests;
  broken ||= run.status !== 0 || result.numRuntimeErrorTestSuites > 0;
  for (const suite of result.testResults) {
    for (const { status, fullName } of suite.assertionResults) {
      if (status === 'pending') process.stdout.write(`skipped: ${fullName}\n`);
    }
  }
}
process.stdout.write(`\n${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`);
process.exitCode = broken || sums.failed > 0 ? 1 : 0;
