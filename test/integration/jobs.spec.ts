import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/database/data-source.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { JobRunsRepository } from '../../src/jobs/job-runs.repository.js';
import { JobsCron } from '../../src/jobs/jobs.cron.js';
import { type RecordedRun, recordedRuns, runnerOf, testJob } from '../support/services.js';
import { LivenessModule } from '../../src/common/liveness/liveness.module.js';
import { eventually } from '../support/waiting.js';
import { TestDatabase } from '../support/test-database.js';

/** The newest slot of testJob(), by the clock of the database. */
const SLOT = `date_trunc('hour', now() - interval '7 minutes', 'UTC') + interval '7 minutes'`;

describe('jobs', () => {
  let db: TestDatabase;
  const processes: DataSource[] = [];
  let slot: Date;

  beforeAll(async () => {
    db = await TestDatabase.create('postgresql');
    processes.push(
      ...(await Promise.all([1, 2, 3].map(() => createDataSource(db.config, db.url).initialize()))),
    );
  });
  afterAll(async () => {
    for (const process of processes) await process.destroy();
    await db.drop();
  });
  beforeEach(async () => {
    await db.query('TRUNCATE job_runs');
    slot = await db.value(`SELECT ${SLOT}`);
  });
  afterEach(async () => {
    expect(await db.value('SELECT count(*) FROM lock_holders')).toBe(0);
  });

  const runs = (name = 'test'): Promise<RecordedRun[]> => recordedRuns(db, name);
  const runner = (process = processes[0]): JobRunner => runnerOf(process as DataSource);
  const idleRunner = (jobs = runner()): JobRunner => {
    jobs.register(testJob(() => Promise.resolve({})));
    return jobs;
  };
  const ago = (hours: number): Date => new Date(slot.getTime() - hours * 3_600_000);
  const record = (
    slot: Date,
    outcome: string,
    others: { retryAt?: Date; job?: string } = {},
  ): Promise<unknown> =>
    db.query(
      `INSERT INTO job_runs (job, slot, attempt, holder, outcome, finished_at, retry_at)
       VALUES ($4, $1, 1, 'test', $2, CASE WHEN $2 <> 'running' THEN now() END, $3)`,
      [slot, outcome, others.retryAt, others.job ?? 'test'],
    );

  it('run a slot once, however many processes ask for it, and record the run', async () => {
    let count = 0;
    const runners = processes.map((process) => {
      const jobs = runner(process);
      jobs.register(
        testJob(async () => {
          count += 1;
          await sleep(30); // more than the 20 ms asserted below: a timer may fire a millisecond early
          return { rows: 7, details: { what: 'nothing' } };
        }),
      );
      return jobs;
    });
    for (let i = 0; i < 3; i++) await Promise.all([...runners, ...runners].map((jobs) => jobs.tick()));
    expect(count).toBe(1);
    const [only, ...others] = await runs();
    expect(only).toMatchObject({
      slot,
      covers_from: null,
      attempt: 1,
      outcome: 'done',
      row_count: 7,
      error: null,
    });
    expect(only).toMatchObject({ details: { what: 'nothing' } });
    expect(only?.ms).toBeGreaterThanOrEqual(20);
    expect(others).toEqual([]);
  });

  it('run only the newest slot after an outage, and record which slots it covers', async () => {
    await record(ago(30), 'done');
    await record(ago(29), 'failed');
    await idleRunner().tick();
    expect((await runs()).at(-1)).toMatchObject({ slot, covers_from: ago(29), attempt: 1, outcome: 'done' });
  });

  it('record the covered slots also if another process ended an earlier run in the meantime', async () => {
    await record(ago(3), 'running');
    const process = processes[0] as DataSource;
    const repository = new JobRunsRepository(process);
    const states = repository.states.bind(repository);
    jest.spyOn(repository, 'states').mockImplementation(async (names) => {
      const seen = await states(names);
      await db.query(`UPDATE job_runs SET outcome = 'done', finished_at = now()`);
      return seen;
    });
    await idleRunner(runnerOf(process, 1000, repository)).tick();
    expect((await runs()).at(-1)).toMatchObject({ slot, covers_from: ago(2), outcome: 'done' });
  });

  it('retry a failed slot, at longer intervals each time, until it succeeds', async () => {
    const jobs = runner();
    const failures = ['no', 'neither'];
    jobs.register(
      testJob(() => {
        const failure = failures.shift();
        return failure === undefined ? Promise.resolve({}) : Promise.reject(new Error(failure));
      }),
    );
    await jobs.tick();
    await jobs.tick(); // not yet
    expect(await runs()).toMatchObject([{ slot, attempt: 1, outcome: 'failed', error: 'no' }]);
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      waits.push(
        await db.value(
          'SELECT round(extract(epoch FROM max(retry_at) - max(finished_at)))::int FROM job_runs',
        ),
      );
      await db.query(`UPDATE job_runs SET retry_at = now() - interval '1 second'`); // retry_at is rounded to milliseconds
      await jobs.tick();
    }
    expect((await runs()).map(({ attempt, outcome, error }) => [attempt, outcome, error])).toEqual([
      [1, 'failed', 'no'],
      [2, 'failed', 'neither'],
      [3, 'done', null],
    ]);
    expect(waits.slice(0, 2)).toEqual([30, 60]);
  });

  it('do not let a failed slot delay the next one', async () => {
    await record(ago(2), 'done');
    await record(ago(1), 'failed', { retryAt: new Date(Date.now() + 3_600_000) });
    await idleRunner().tick();
    expect((await runs()).at(-1)).toMatchObject({ slot, covers_from: ago(1), outcome: 'done' });
  });

  it('take over the run of a dead process', async () => {
    await record(slot, 'running');
    await idleRunner().tick();
    expect(await runs()).toMatchObject([
      { outcome: 'failed', error: 'its process ended, or lost the lock' },
      { slot, attempt: 2, outcome: 'done' },
    ]);
  });

  it('leave the run of a live process alone', async () => {
    const [first, second] = [runner(processes[0]), runner(processes[1])];
    let count = 0;
    let end = (): void => undefined;
    const working = new Promise<void>((resolve) => (end = resolve));
    const work = testJob(async () => {
      count += 1;
      await working;
      return {};
    });
    for (const jobs of [first, second]) jobs.register(work);
    const ticking = first.tick();
    await eventually(async () => expect(await runs()).toHaveLength(1));
    await second.tick();
    expect(await second.runNow('test')).toEqual({ outcome: 'held' });
    await first.tick();
    end();
    await ticking;
    expect(count).toBe(1);
    expect(await runs()).toMatchObject([{ outcome: 'done' }]);
  });

  it('cancel the statement of a run at its deadline, and release the lock only then', async () => {
    const jobs = runner();
    jobs.register(
      testJob(
        async (_, session) => {
          await session.query('SELECT pg_sleep(60)');
          return {};
        },
        { deadlineMs: 300 },
      ),
    );
    await jobs.tick();
    expect(await runs()).toMatchObject([{ outcome: 'failed', error: 'it took longer than 300 ms' }]);
    expect(
      await db.value(
        `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`,
      ),
    ).toBe(0);
  });

  it('record a run as failed if the database terminates its session', async () => {
    const jobs = runner();
    jobs.register(
      testJob(async (_, session) => {
        const [{ pid }] = (await session.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
        await db.query('SELECT pg_terminate_backend($1)', [pid]);
        await session.query('SELECT 1');
        return {};
      }),
    );
    await jobs.tick();
    expect(await runs()).toMatchObject([{ outcome: 'failed', attempt: 1 }]);
  });

  it('run by hand without touching the schedule', async () => {
    const jobs = runner();
    jobs.register(testJob(() => Promise.resolve({ rows: 3 })));
    expect(await jobs.runNow('test')).toMatchObject({ outcome: 'done', result: { rows: 3 } });
    await jobs.tick();
    await jobs.tick();
    expect(await runs()).toMatchObject([
      { slot: null, outcome: 'done' },
      { slot, outcome: 'done' },
    ]);
    await expect(jobs.runNow('nothing')).rejects.toThrow('there is no job "nothing"');
  });

  it('never throw, not even without a database', async () => {
    const away = await createDataSource(db.config, db.url).initialize();
    const jobs = runner(away);
    jobs.register(testJob(() => Promise.resolve({})));
    await away.destroy();
    await jobs.tick();
    expect(await jobs.runNow('test')).toMatchObject({ outcome: 'unavailable' });
  });

  it('start no more runs when the process stops, and wait for the running one', async () => {
    const jobs = runner();
    let ended = false;
    jobs.register(
      testJob(async () => {
        await sleep(500);
        ended = true;
        return {};
      }),
    );
    const ticking = jobs.tick();
    await eventually(async () => expect(await runs()).toHaveLength(1));
    await jobs.beforeApplicationShutdown();
    expect(ended).toBe(true);
    await ticking;
    await db.query('TRUNCATE job_runs');
    await jobs.tick();
    expect(await runs()).toEqual([]);
  });

  it('delete old runs, except the newest', async () => {
    for (const hours of [2000, 1900]) await record(ago(hours), 'done');
    await record(ago(1000), 'done', { job: 'another' });
    await db.query(`UPDATE job_runs SET finished_at = slot`);
    await idleRunner().tick();
    expect(await runs()).toMatchObject([{ slot, covers_from: ago(1899) }]);
    expect(await runs('another')).toHaveLength(1);
  });

  it('reject a name that is taken, and an invalid schedule', () => {
    const jobs = idleRunner();
    expect(() => jobs.register(testJob(() => Promise.resolve({})))).toThrow('registered already');
    expect(() =>
      jobs.register(testJob(() => Promise.resolve({}), { name: 'other', cron: 'sometimes' })),
    ).toThrow();
  });

  it('are started by @Cron, every few seconds', async () => {
    const jobs = runner();
    const slots: number[] = [];
    jobs.register(testJob(() => Promise.resolve({}), { cron: '* * * * * *' }));
    jobs.register(
      testJob(
        () => {
          slots.push(Date.now());
          return Promise.resolve({});
        },
        { name: 'often', cron: '* * * * * *' },
      ),
    );
    @Module({
      imports: [ScheduleModule.forRoot(), LivenessModule],
      providers: [JobsCron, { provide: JobRunner, useValue: jobs }],
    })
    class Clock {}
    const context = await NestFactory.createApplicationContext(Clock, { logger: false });
    try {
      await eventually(() => expect(slots.length).toBeGreaterThanOrEqual(2), 20_000); // the first one at the start
    } finally {
      await context.close();
    }
  });
});
