import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../test/support/random.js';
import { Api } from './api.js';
import { type Check, noneOf, printCheck } from './checks.js';
import type { Scene } from './clients.js';
import { Deployment } from './deployment.js';
import { Faults } from './faults.js';
import { forgetTransaction } from './forgotten.js';
import { checkHistory, waitForQuiet } from './history-check.js';
import { Bait, startImporters } from './importers.js';
import { checkLedger, checkLeftOvers } from './left-over-checks.js';
import { LogBook } from './log-book.js';
import { checkLogs, shown } from './log-check.js';
import { checkMemory, SAMPLE_MS } from './memory.js';
import type { SoakOptions } from './options.js';
import { killCommands, runCommand } from './program.js';
import { startReaders } from './readers.js';
import { SoakRecord } from './record.js';
import { registerFleet, ReportMaker } from './reports.js';
import { Servers } from './servers.js';
import { makeSubscribers, type Subscriber } from './subscribers.js';
import { type LiveLog, startWriters } from './writers.js';

const MINUTE = 60_000;
/** Load without faults before the end: the next import notes which ones were interrupted. */
const CALM_MS = 12_000;
const CATCH_UP_MS = 60_000;

export type CleanUp = (what: () => Promise<void>) => void;

/** Runs one soak. @returns whether every check held. */
export async function soak(
  options: SoakOptions,
  signal: AbortSignal,
  cleanUp: CleanUp,
  say: (line: string) => void,
): Promise<boolean> {
  const servers = await Servers.start(options.engine, cleanUp);
  const folder = options.logs ?? join(servers.folder, 'logs');
  await mkdir(folder, { recursive: true });
  const record = new SoakRecord((what, detail) => say(`unexpected: ${what}: ${detail}`));
  const logs = new LogBook(folder);
  cleanUp(() => {
    killCommands();
    return Promise.resolve();
  });
  const deployment = await Deployment.start(servers, options, record, logs, signal, cleanUp);
  const fleet = await registerFleet(servers);
  say(`${options.engine}, seed ${options.seed}: 6 programs run, ${options.minutes} minutes of load begin`);

  const begun = performance.now();
  const soakMs = options.minutes * MINUTE;
  const used = new Set<string>();
  let isOver = false;
  const progress = (): number => (performance.now() - begun) / soakMs;
  const faults = new Faults(
    servers,
    deployment.programs,
    record,
    (line) => say(`${clock(begun)} ${line}`),
    progress,
    signal,
  );
  const scene: Scene = {
    servers,
    api: new Api(deployment.addresses, deployment.token),
    fleet,
    record,
    logs,
    commandEnv: deployment.env,
    signal,
    isOver: () => isOver,
    faultsAreOn: () => faults.areOn,
    maker: (number) => new ReportMaker(options.seed * 1000 + number, used),
  };
  const timers = [
    setInterval(() => deployment.sample(), SAMPLE_MS),
    setInterval(() => say(`${clock(begun)} ${describeProgress(record)}`), MINUTE),
  ];
  cleanUp(() => {
    for (const timer of timers) clearInterval(timer);
    return Promise.resolve();
  });

  const live: LiveLog[] = fleet.live.map((tracker) => ({ tracker, sent: [] }));
  const subscribers = makeSubscribers(scene, live, new Date());
  const bait = new Bait();
  const guard = (client: Promise<void>): Promise<void> =>
    client.catch((error: unknown) => {
      if (!signal.aborted) record.fail('a client gave up', error);
    });
  const following = subscribers.map((subscriber) => guard(subscriber.run()));
  const clients = [
    ...startWriters(scene, live),
    ...startImporters(scene, bait),
    ...startReaders(scene),
    forgetTransaction(scene, bait, soakMs),
  ].map(guard);
  faults.start((lane) => new Random(options.seed * 1000 + 900 + lane));

  await sleep(soakMs, undefined, { signal });
  await faults.stop();
  say(`${clock(begun)} the faults are over; ${describeProgress(record)}`);
  await sleep(CALM_MS, undefined, { signal });
  isOver = true;
  await Promise.all(clients);
  signal.throwIfAborted();

  const checks = [await caughtUp(subscribers, signal), await waitForQuiet(scene)];
  for (const subscriber of subscribers) subscriber.stop();
  await Promise.all(following);
  checks.push(...(await checkHistory(scene)), ...(await checkLedger(scene)), await askDoctor(scene));
  const lives = deployment.programs.flatMap((program) => program.lives);
  checks.push(checkMemory(lives));
  await deployment.terminate();
  checks.push(...(await checkLeftOvers(scene)), ...checkLogs(logs, options.minutes));
  checks.push(noUnexpected(record));
  await logs.close();
  say(
    `counts: ${[...record.counts]
      .map(([what, count]) => `${what} ${count}`)
      .sort()
      .join(', ')}`,
  );
  for (const check of checks) printCheck(check, say);
  return checks.every(({ ok }) => ok);
}

function clock(begun: number): string {
  const seconds = Math.round((performance.now() - begun) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}`;
}

function describeProgress(record: SoakRecord): string {
  const reads = ['ok', 'refused', 'cut', 'wrong'].map((kind) => record.counted(`reads: ${kind}`));
  return (
    `reports written ${record.counted('reports written')}, imported ${record.counted('reports imported')}; ` +
    `reads ${reads.reduce((a, b) => a + b, 0)} (${reads[0] ?? 0} answered), updates ${record.counted('updates')}, ` +
    `reconnects ${record.counted('reconnects')}, faults ${record.counted('faults')}, ` +
    `unexpected ${[...record.failures.values()].reduce((sum, { count }) => sum + count, 0)}`
  );
}

async function caughtUp(subscribers: readonly Subscriber[], signal: AbortSignal): Promise<Check> {
  const end = performance.now() + CATCH_UP_MS;
  while (subscribers.some(({ isBehind }) => isBehind) && performance.now() < end)
    await sleep(200, undefined, { signal });
  const behind = subscribers.filter(({ isBehind }) => isBehind);
  const updates = subscribers.reduce((sum, { seen }) => sum + seen, 0);
  return {
    name: 'every subscriber saw each report once and in order',
    ok: behind.length === 0,
    detail: `${subscribers.length} subscribers, ${updates} updates${behind.length > 0 ? `; ${behind.length} are behind` : ''}`,
    more: behind.slice(0, 5).map((subscriber) => subscriber.describe()),
  };
}

async function askDoctor({ commandEnv, logs }: Scene): Promise<Check> {
  const { code, stdout } = await runCommand(['doctor'], commandEnv, logs);
  return {
    name: 'the doctor sees no problem',
    ok: code === 0,
    detail: `exit code ${String(code)}`,
    more: code === 0 ? [] : stdout.trim().split('\n'),
  };
}

function noUnexpected(record: SoakRecord): Check {
  const { name, ok, detail } = noneOf('nothing unexpected happened', [...record.failures]);
  return { name, ok, detail: ok ? detail : `${detail} kinds`, more: shown(record.failures) };
}
