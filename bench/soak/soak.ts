import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../test/support/random.js';
import { Api } from './api.js';
import { type Check, noneOf, printCheck } from './checks.js';
import type { SoakContext } from './context.js';
import { Deployment } from './deployment.js';
import { Faults } from './faults.js';
import { leaveTransactionOpen } from './open-transaction.js';
import { checkHistory, waitForPendingWork } from './history-check.js';
import { UncommittedReport, startImporters } from './importers.js';
import { checkLedger, checkLeftOvers } from './left-over-checks.js';
import { LogBook } from './log-book.js';
import { checkLogs, describeOccurrences } from './log-check.js';
import { checkMemory, SAMPLE_MS } from './memory.js';
import type { SoakOptions } from './options.js';
import { killCommands, runCommand } from './program.js';
import { startReaders } from './readers.js';
import { SoakRecord } from './record.js';
import { registerFleet, ReportMaker } from './reports.js';
import { Servers } from './servers.js';
import { createSubscribers, type Subscriber } from './subscribers.js';
import { type LiveLog, startWriters } from './writers.js';

const MINUTE = 60_000;
/** Duration of the load without faults at the end: the next import marks interrupted runs. */
const NO_FAULTS_MS = 12_000;
const CATCH_UP_MS = 60_000;

export type OnExit = (cleanUp: () => Promise<void>) => void;

/** Runs one soak. @returns whether all checks passed. */
export async function soak(
  options: SoakOptions,
  signal: AbortSignal,
  onExit: OnExit,
  print: (line: string) => void,
): Promise<boolean> {
  const servers = await Servers.start(options.engine, onExit);
  const folder = options.logs ?? join(servers.folder, 'logs');
  await mkdir(folder, { recursive: true });
  const record = new SoakRecord((kind, detail) => print(`unexpected: ${kind}: ${detail}`));
  const logs = new LogBook(folder);
  onExit(() => {
    killCommands();
    return Promise.resolve();
  });
  const deployment = await Deployment.start(servers, options, record, logs, signal, onExit);
  const fleet = await registerFleet(servers);
  print(
    `${options.engine}, seed ${options.seed}: 6 programs are running, starting ${options.minutes} minutes of load`,
  );

  const startedAt = performance.now();
  const soakMs = options.minutes * MINUTE;
  const used = new Set<string>();
  let isOver = false;
  const progress = (): number => (performance.now() - startedAt) / soakMs;
  const faults = new Faults(
    servers,
    deployment.programs,
    record,
    (line) => print(`${clock(startedAt)} ${line}`),
    progress,
    signal,
  );
  const context: SoakContext = {
    servers,
    api: new Api(deployment.addresses, deployment.token),
    fleet,
    record,
    logs,
    commandEnv: deployment.env,
    signal,
    isOver: () => isOver,
    faultsAreActive: () => faults.areActive,
    random: (client) => new Random(options.seed * 1000 + client),
    reportMaker: (client) => new ReportMaker(options.seed * 1000 + client, used),
  };
  const timers = [
    setInterval(() => deployment.sampleMemory(), SAMPLE_MS),
    setInterval(() => print(`${clock(startedAt)} ${describeProgress(record)}`), MINUTE),
  ];
  onExit(() => {
    for (const timer of timers) clearInterval(timer);
    return Promise.resolve();
  });

  const live: LiveLog[] = fleet.live.map((tracker) => ({ tracker, sent: [] }));
  const subscribers = createSubscribers(context, live, new Date());
  const uncommitted = new UncommittedReport();
  const guard = (client: Promise<void>): Promise<void> =>
    client.catch((error: unknown) => {
      if (!signal.aborted) record.fail('a client stopped with an error', error);
    });
  const subscriptions = subscribers.map((subscriber) => guard(subscriber.run()));
  const clients = [
    ...startWriters(context, live),
    ...startImporters(context, uncommitted),
    ...startReaders(context),
    leaveTransactionOpen(context, uncommitted, soakMs),
  ].map(guard);
  faults.start((sequence) => context.random(900 + sequence));

  await sleep(soakMs, undefined, { signal });
  await faults.stop();
  print(`${clock(startedAt)} the faults are over; ${describeProgress(record)}`);
  await sleep(NO_FAULTS_MS, undefined, { signal });
  isOver = true;
  await Promise.all(clients);
  signal.throwIfAborted();

  const checks = [await checkSubscribers(subscribers, signal), await waitForPendingWork(context)];
  for (const subscriber of subscribers) subscriber.stop();
  await Promise.all(subscriptions);
  checks.push(...(await checkHistory(context)), ...(await checkLedger(context)), await runDoctor(context));
  const processes = deployment.programs.flatMap((program) => program.processes);
  checks.push(checkMemory(processes));
  await deployment.terminate();
  checks.push(...(await checkLeftOvers(context)), ...checkLogs(logs, options.minutes));
  checks.push(checkFailures(record));
  await logs.close();
  print(
    `counts: ${[...record.counts]
      .map(([event, count]) => `${event} ${count}`)
      .sort()
      .join(', ')}`,
  );
  for (const check of checks) printCheck(check, print);
  return checks.every(({ ok }) => ok);
}

function clock(startedAt: number): string {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}`;
}

function describeProgress(record: SoakRecord): string {
  const reads = ['ok', 'retryable', 'noAnswer', 'unexpected'].map((kind) => record.countOf(`reads: ${kind}`));
  return (
    `reports written ${record.countOf('reports written')}, imported ${record.countOf('reports imported')}; ` +
    `reads ${reads.reduce((a, b) => a + b, 0)} (${reads[0] ?? 0} answered), updates ${record.countOf('updates')}, ` +
    `reconnects ${record.countOf('reconnects')}, faults ${record.countOf('faults')}, ` +
    `unexpected ${[...record.failures.values()].reduce((sum, { count }) => sum + count, 0)}`
  );
}

/** Waits until every subscriber has received all reports, for up to {@link CATCH_UP_MS}. */
async function checkSubscribers(subscribers: readonly Subscriber[], signal: AbortSignal): Promise<Check> {
  const end = performance.now() + CATCH_UP_MS;
  while (subscribers.some(({ isBehind }) => isBehind) && performance.now() < end)
    await sleep(200, undefined, { signal });
  const behind = subscribers.filter(({ isBehind }) => isBehind);
  const updates = subscribers.reduce((sum, { received }) => sum + received, 0);
  return {
    name: 'every subscriber received each report once and in order',
    ok: behind.length === 0,
    detail: `${subscribers.length} subscribers, ${updates} updates${behind.length > 0 ? `; ${behind.length} are behind` : ''}`,
    more: behind.slice(0, 5).map((subscriber) => subscriber.describe()),
  };
}

async function runDoctor({ commandEnv, logs }: SoakContext): Promise<Check> {
  const { code, stdout } = await runCommand(['doctor'], commandEnv, logs);
  return {
    name: 'tracker doctor finds no problem',
    ok: code === 0,
    detail: `exit code ${String(code)}`,
    more: code === 0 ? [] : stdout.trim().split('\n'),
  };
}

function checkFailures(record: SoakRecord): Check {
  const { name, ok, detail } = noneOf('no failures', [...record.failures]);
  return { name, ok, detail: ok ? detail : `${detail} kinds`, more: describeOccurrences(record.failures) };
}
