/**
 * Runs all tests, then the scenarios again with database, client and Node.js in each of two time zones far from UTC.
 * Prints the slowest files of each pass, and one line of totals at the end. With arguments, runs Jest with these, once.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const jestArgs = process.argv.slice(2);
/** Slow tests of locks, which do not depend on the time zone. */
const ZONE_INDEPENDENT = 'scenarios/(concurrent-ingest|ingest-waits|open-transactions|writers-at-a-close)\\.';
const passes = [
  { title: 'all tests', args: jestArgs },
  ...(jestArgs.length > 0
    ? []
    : ['Pacific/Kiritimati', 'America/New_York'].map((zone) => ({
        title: `scenarios in ${zone}`,
        args: ['--testPathIgnorePatterns', ZONE_INDEPENDENT, '--selectProjects', 'scenarios'],
        env: { TZ: zone, TEST_TIMEZONE: zone },
      }))),
];

/** Names and times of the slowest files, to show when a change slows one down. */
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

/** Runs Jest. @returns its result, or undefined if it ended without one, and whether it failed. */
function runJest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'tracker-jest-'));
  const file = join(folder, 'result.json');
  try {
    const { status } = spawnSync(process.execPath, [jest, '--json', `--outputFile=${file}`, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...env },
    });
    const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
    return { result, failed: status !== 0 || !result || result.numRuntimeErrorTestSuites > 0 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const totals = { passed: 0, failed: 0, skipped: 0 };
let anyFailed = false;
for (const { title, args, env } of passes) {
  process.stdout.write(`\n=== ${title}\n`);
  const began = Date.now();
  const { result, failed } = runJest(args, env);
  anyFailed ||= failed;
  const seconds = Math.round((Date.now() - began) / 1000);
  if (!result) {
    process.stdout.write(`Jest ended without a result after ${seconds} s\n`);
    continue;
  }
  process.stdout.write(`took ${seconds} s; slowest: ${slowest(result)}\n`);
  totals.passed += result.numPassedTests;
  totals.failed += result.numFailedTests;
  totals.skipped += result.numPendingTests;
  for (const suite of result.testResults) {
    for (const { status, fullName } of suite.assertionResults) {
      if (status === 'pending') process.stdout.write(`skipped: ${fullName}\n`);
    }
  }
}
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = anyFailed || totals.failed > 0 ? 1 : 0;
