import type { INestApplicationContext } from '@nestjs/common';
import { SchemaGuard } from '../migration/schema-guard.js';
import { HealthModule } from '../health/health.module.js';
import { type HistoryHealth, HistoryHealthService } from '../health/history-health.service.js';
import { describeTransaction } from '../database/other-transactions.js';
import { describeMoment } from '../common/describe-moment.js';
import { EXIT } from '../process.js';
import { answer, type AnswerFlags, colored, table } from './answer.js';
import { withContext } from './with-context.js';

const STANDBY_NOTE = 'This server is a standby; locks and listeners of the primary are not visible here';

/** `tracker doctor` */
export async function doctor(flags: AnswerFlags): Promise<void> {
  const check = async (context: INestApplicationContext): Promise<HistoryHealth> => {
    if (await context.get(SchemaGuard).isStandby()) process.stderr.write(`${STANDBY_NOTE}\n`);
    return context.get(HistoryHealthService).check();
  };
  const health = await withContext(HealthModule, check, { writes: false });
  answer(health, () => describeHealth(health), flags);
  if (health.problems.length > 0) process.exitCode = EXIT.failed;
}

function describeHealth(health: HistoryHealth): string {
  const { engine, spatialLayer, horizon, cut, pendingChanges, daysOverdue, viewIsStale } = health;
  return [
    `engine     ${engine}, spatial layer ${spatialLayer}`,
    `horizon    ${moment(horizon)}   raw reports are kept from here on`,
    `cut        ${moment(cut)}   history shows hours from here on, days before`,
    `kept       raw ${health.rawRetentionHours} h, hourly ${health.hourlyRetentionHours} h, daily ${health.dailyRetentionHours / 24} days`,
    `clocks     database ${moment(health.serverTime)}, program ${moment(health.clock.programTime)}, agreed ${moment(health.clock.agreedTime)}`,
    `pending    ${pendingChanges} changes, ${daysOverdue} days to close; materialized view ${viewIsStale ? 'behind' : 'up to date'}`,
    ...describeRefresher(health),
    ...health.transactions.map((one) => `open       ${describeTransaction(one)}`),
    '',
    table([
      ['layer', 'rows', 'oldest', 'newest', 'watermark', 'last refresh', 'took', 'next retention removes'],
      ...health.layers.map(describeLayer),
    ]),
    table([
      ['job', 'last slot', 'outcome', 'began', 'took', 'rows'],
      ...health.refresher.jobs.map(describeJob),
    ]),
    ...(health.problems.length === 0
      ? [colored('green', 'No problems.')]
      : health.problems.map((problem) => colored('red', `PROBLEM: ${problem}`))),
    '',
  ].join('\n');
}

function describeRefresher({ refresher, pendingFrom, pendingTo }: HistoryHealth): string[] {
  const { listener, lagSeconds, redis, redisKeys, lastPeriodicRefresh, locks } = refresher;
  const range = pendingFrom ? `, pending reports from ${moment(pendingFrom)} to ${moment(pendingTo)}` : '';
  return [
    `lag        ${lagSeconds} s${range}`,
    `listener   ${listener.sessions} sessions${listener.since ? ` since ${moment(listener.since)}` : ''}, last notification ${moment(listener.lastNotification)}`,
    `periodic   last refresh ${moment(lastPeriodicRefresh)}`,
    `redis      ${redis}${redisKeys === null ? '' : `, keys ${redisKeys}`}`,
    ...locks.map(
      ({ name, holder, acquiredAt }) => `lock       ${name} held by ${holder} since ${moment(acquiredAt)}`,
    ),
  ];
}

function describeJob(run: HistoryHealth['refresher']['jobs'][number]): string[] {
  return [
    run.job,
    run.slot ? moment(run.slot) : 'by hand',
    run.outcome === 'failed' ? `failed (attempt ${run.attempt})` : run.outcome,
    moment(run.startedAt),
    duration(run.ms),
    run.rows === null ? '-' : String(run.rows),
  ];
}

function describeLayer(layer: HistoryHealth['layers'][number]): string[] {
  return [
    layer.relation,
    String(layer.rows),
    moment(layer.oldest),
    moment(layer.newest),
    moment(layer.watermark),
    moment(layer.lastRefresh),
    duration(layer.lastRefreshMs),
    layer.removesBefore ? `${layer.rowsToRemove} rows before ${moment(layer.removesBefore)}` : '-',
  ];
}

function moment(time: Date | null): string {
  return time ? describeMoment(time) : '-';
}

function duration(ms: number | null): string {
  return ms === null ? '-' : `${ms} ms`;
}
